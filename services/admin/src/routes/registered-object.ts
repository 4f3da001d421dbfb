// What all kinds of registered objects share: a project, and whatever lies in one. A kind adds its own words.

import { Fault } from "@portcullis/chassis/fault";
import { type ObjectRef, type ObjectType, objectTypeRow } from "@portcullis/policy";
import type { ListObjectsRequest, Object as ObjectMessage } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { type Access, may, noSuchObject, objectRef } from "../access.ts";
import type { Caller } from "../caller.ts";
import type { Listing } from "../grant-cap.ts";
import { anyText, id, listQuery } from "../input.ts";
import { listReadable } from "../listing.ts";
import { ownerOfNew } from "../organization-settings.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { present, renames } from "../wire.ts";

/** The fields of a request that every kind has; what else there is, is stored and shown as it is. */
interface Content {
  readonly name: string;
  readonly slug?: string | undefined;
  readonly project_id?: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly ensureNew?: boolean;
  /** Project groups only. */
  readonly member_projects?: readonly string[] | undefined;
}

interface Changes {
  readonly name?: string | undefined;
  readonly slug?: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly add_member_projects?: readonly string[] | undefined;
  readonly remove_member_projects?: readonly string[] | undefined;
}

/** What tells a kind of object from the others. */
export interface ObjectKind<Shown> {
  readonly type: ObjectType;
  /** The path of the collection. */
  readonly path: string;
  /** What it is called in parameters: `<noun>_id`, `<noun>_name`. */
  readonly noun: string;
  readonly content: z.ZodType<Content>;
  readonly changes: z.ZodType<Changes>;
  readonly shown: z.ZodType<Shown>;
  readonly show: (object: ObjectMessage, payload: Readonly<Record<string, unknown>>) => Shown;
  /** Which objects of the type are of this kind, where that takes a look at them; else all are. */
  readonly holds?: (payload: Readonly<Record<string, unknown>>) => boolean;
  /** Throws if the caller must not let objects of this kind list these projects. Project groups only. */
  readonly checkListing?: (caller: Caller, listed: Listing) => Promise<void>;
  /** A parameter of lists that asks for what is in the payload. */
  readonly filter?: z.ZodType<PayloadFilter>;
  /** Parameters of the public API that ask for what is not kept: refused, as to ignore them would answer wrongly. */
  readonly unsupported?: readonly string[];
  /** How long a list without a limit gets. */
  readonly limitDefault?: number;
}

type PayloadFilter = (payload: Readonly<Record<string, unknown>>) => boolean;

const everything: PayloadFilter = () => true;

const fieldOf = renames(
  [/^object\.parent(\.id)?$/, "project_id"],
  [/^object\.(name|slug)$/, "$1"],
  [/^(object\.)?payload_json.*/, "body"],
  [/^(object\.)?((?:add_|remove_)?member_project)_ids/, "$2s"],
);

const listParameters = z.object({
  ...listQuery,
  project_id: id.optional(),
  project_name: anyText.optional(),
  slug: anyText.optional(),
});

/** All routes of one kind of object. */
export function objectRoutes<Shown>(
  { grants, identity }: Pick<Owners, "grants" | "identity">,
  access: Access,
  kind: ObjectKind<Shown>,
): readonly Route[] {
  const idParameter = `${kind.noun}_id`;
  const nameParameter = `${kind.noun}_name`;
  const one = `${kind.path}/:${idParameter}`;
  const params = z.object({ [idParameter]: id }).transform((given) => ({ id: String(given[idParameter]) }));
  const unsupported = z.object(
    Object.fromEntries(
      (kind.unsupported ?? []).map((name) => [name, z.undefined("is not supported").optional()]),
    ),
  );
  // Clients in use send the plain word, and take the first object of the answer for the one that they named.
  const named = z
    .object({ [nameParameter]: anyText.optional(), name: anyText.optional() })
    .transform((given) => ({ named: given[nameParameter] ?? given["name"] }));
  const filter = (kind.filter ?? z.unknown().transform(() => everything)).transform((matches) => ({
    matches,
  }));
  const query = listParameters.and(named).and(filter).and(unsupported);

  const payloadOf = (object: ObjectMessage) =>
    JSON.parse(object.payloadJson || "{}") as Record<string, unknown>;
  const show = (object: ObjectMessage | undefined): Shown => {
    const message = present(object);
    return kind.show(message, payloadOf(message));
  };
  const isOfKind = (object: ObjectMessage): boolean => kind.holds?.(payloadOf(object)) ?? true;
  const checkKind = (object: ObjectMessage): void => {
    if (isOfKind(object)) return;
    const field = object.slug === "" ? "name" : "slug";
    throw new Fault("refused", `${field}: is taken by something else than a ${kind.noun}`, { field });
  };
  const getOfKind = async (objectId: string, caller: Caller): Promise<ObjectMessage> => {
    const { object } = await grants.getObject(
      { orgId: caller.org, id: objectId, type: kind.type },
      caller.hop,
    );
    const found = present(object);
    if (!isOfKind(found)) throw noSuchObject();
    return found;
  };
  const parentOf = (body: Content, caller: Caller): ObjectRef =>
    body.project_id === undefined
      ? objectRef(objectTypeRow(kind.type).parent ?? "organization", caller.org)
      : objectRef("project", body.project_id);
  // To list a project is to grant on it what was granted on the group, and takes what a grant on it takes.
  const mayList = (projects: readonly string[] | undefined, field: string) =>
    (projects ?? []).map((project, index) =>
      may("acl.create", objectRef("project", project), { field: `${field}[${index}]` }),
    );
  const mayCreate = (body: Content, caller: Caller) =>
    may("object.create", { type: kind.type, parent: parentOf(body, caller) }, { field: "project_id" });
  const mayOn = (act: "object.read" | "object.update" | "object.delete", objectId: string) =>
    may(act, objectRef(kind.type, objectId));

  const contentToWire = async (body: Content, caller: Caller) => ({
    context: caller.context,
    orgId: caller.org,
    object: {
      type: kind.type,
      parent: parentOf(body, caller),
      name: body.name,
      slug: body.slug ?? "",
      payloadJson: JSON.stringify(body.payload),
      memberProjectIds: [...(body.member_projects ?? [])],
    },
    ownerId: await ownerOfNew(identity, caller),
  });

  const checkListing = async (
    projects: readonly string[] | undefined,
    { field, group }: { readonly field: string; readonly group: ObjectMessage | null },
    caller: Caller,
  ): Promise<void> => {
    const listed = new Set(group?.memberProjectIds);
    const projectIds = (projects ?? []).filter((id) => !listed.has(id));
    await kind.checkListing?.(caller, { groupId: group?.id ?? null, projectIds, field });
  };
  const create = async (body: Content, caller: Caller) => {
    await checkListing(body.member_projects, { field: "member_projects", group: null }, caller);
    const made = await grants.createObject(
      { ...(await contentToWire(body, caller)), ensureNew: body.ensureNew === true },
      caller.hop,
    );
    return { object: present(made.object), foundExisting: made.foundExisting, revisions: [made.revision] };
  };

  return [
    route({
      method: "POST",
      path: kind.path,
      summary: `Create a ${kind.noun}`,
      body: kind.content,
      response: kind.shown,
      requires: ({ body }, caller) => [
        mayCreate(body, caller),
        ...mayList(body.member_projects, "member_projects"),
      ],
      async handle({ body }, caller) {
        const { object, ...made } = await create(body, caller);
        // Who may create here is told that the name is taken, but not what took it.
        if (made.foundExisting) {
          const known = { knownTo: [mayCreate(body, caller)] };
          await access.demand(caller, [may("object.read", objectRef(kind.type, object.id), known)]);
          checkKind(object);
        }
        return { body: show(object), ...made };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: kind.path,
      summary: `List ${kind.noun}s`,
      query,
      response: z.object({ objects: z.array(kind.shown) }),
      requires: () => may("organization.read"),
      async handle({ query }, caller) {
        const wanted: Omit<ListObjectsRequest, "page"> = {
          orgId: caller.org,
          type: kind.type,
          parent: query.project_id === undefined ? undefined : { type: "project", id: query.project_id },
          ids: query.ids,
          names: query.named === undefined ? [] : [query.named],
          slugs: query.slug === undefined ? [] : [query.slug],
          projectNames:
            query.project_name === undefined || kind.type === "project" ? [] : [query.project_name],
        };
        const readable = async (candidates: readonly ObjectMessage[]) => {
          const objects = candidates.filter((each) => isOfKind(each) && query.matches(payloadOf(each)));
          const refs = objects.map((object) => objectRef(kind.type, object.id));
          const allowed = await access.allowed(caller, "read", refs);
          return objects.filter((_object, index) => allowed[index] === true);
        };
        const objects = await listReadable({
          query: { ...query, limit: query.limit ?? kind.limitDefault },
          load: async (page) => (await grants.listObjects({ ...wanted, page }, caller.hop)).objects,
          readable,
          // What the owner filters by, it holds the cursor against itself.
          isCursorReadable: async (cursor) => {
            const { objects } = await grants.listObjects(
              {
                orgId: caller.org,
                type: kind.type,
                page: undefined,
                parent: undefined,
                ids: [cursor],
                names: [],
                slugs: [],
                projectNames: [],
              },
              caller.hop,
            );
            return (await readable(objects)).length === 1;
          },
        });
        return { body: { objects: objects.map(show) } };
      },
      fieldOf,
    }),
    route({
      method: "GET",
      path: one,
      summary: `Get a ${kind.noun}`,
      params,
      query: unsupported,
      response: kind.shown,
      requires: ({ params }) => mayOn("object.read", params.id),
      async handle({ params }, caller) {
        return { body: show(await getOfKind(params.id, caller)) };
      },
      fieldOf,
    }),
    route({
      method: "PATCH",
      path: one,
      summary: `Change a ${kind.noun}`,
      params,
      body: kind.changes,
      response: kind.shown,
      requires: ({ params, body }) => [
        mayOn("object.update", params.id),
        ...mayList(body.add_member_projects, "add_member_projects"),
      ],
      standing: async ({ params }, caller) => show(await getOfKind(params.id, caller)),
      async handle({ params, body }, caller) {
        if (kind.holds !== undefined) await getOfKind(params.id, caller);
        if (body.add_member_projects !== undefined) {
          const group = await getOfKind(params.id, caller);
          const field = "add_member_projects";
          await checkListing(body.add_member_projects, { field, group }, caller);
        }
        const updated = await grants.updateObject(
          {
            context: caller.context,
            orgId: caller.org,
            id: params.id,
            type: kind.type,
            name: body.name,
            slug: body.slug,
            payloadJson: JSON.stringify(body.payload),
            addMemberProjectIds: [...(body.add_member_projects ?? [])],
            removeMemberProjectIds: [...(body.remove_member_projects ?? [])],
          },
          caller.hop,
        );
        return { body: show(updated.object), revisions: [updated.revision] };
      },
      fieldOf,
    }),
    route({
      method: "DELETE",
      path: one,
      summary: `Delete a ${kind.noun}, and all below it`,
      params,
      response: kind.shown,
      requires: ({ params }) => mayOn("object.delete", params.id),
      standing: async ({ params }, caller) => show(await getOfKind(params.id, caller)),
      async handle({ params }, caller) {
        if (kind.holds !== undefined) await getOfKind(params.id, caller);
        const deleted = await grants.deleteObject(
          { context: caller.context, orgId: caller.org, id: params.id, type: kind.type },
          caller.hop,
        );
        return { body: show(deleted.object), revisions: [deleted.revision] };
      },
      fieldOf,
    }),
    route({
      method: "PUT",
      path: kind.path,
      summary: `Create or replace a ${kind.noun}`,
      body: kind.content,
      response: kind.shown,
      async find({ body }, caller) {
        if (body.ensureNew === true) return null;
        const { objects } = await grants.listObjects(
          {
            orgId: caller.org,
            type: kind.type,
            page: undefined,
            parent: parentOf(body, caller),
            ids: [],
            names: body.slug === undefined ? [body.name] : [],
            slugs: body.slug === undefined ? [] : [body.slug],
            projectNames: [],
          },
          caller.hop,
        );
        return objects[0] ?? null;
      },
      requires({ body, found }, caller) {
        const listing = mayList(body.member_projects, "member_projects");
        if (found === null) return [mayCreate(body, caller), ...listing];
        const object = objectRef(kind.type, found.id);
        const knownTo = [may("object.read", object), mayCreate(body, caller)];
        const like = mayCreate(body, caller);
        return [may("object.update", object, { knownTo, like }), ...listing];
      },
      standing: ({ found }) => (found === null ? null : show(found)),
      async handle({ body, found }, caller) {
        let standing = found;
        if (standing === null) {
          const { object, ...made } = await create(body, caller);
          if (!made.foundExisting) return { body: show(object), ...made };
          // Somebody made one of this identity meanwhile, and to create is not to update.
          await access.demand(caller, [may("object.update", objectRef(kind.type, object.id))]);
          standing = object;
        }
        checkKind(standing);
        await checkListing(body.member_projects, { field: "member_projects", group: standing }, caller);
        const replaced = await grants.replaceObject(
          { ...(await contentToWire(body, caller)), standingId: standing.id },
          caller.hop,
        );
        return {
          body: show(replaced.object),
          foundExisting: replaced.foundExisting,
          revisions: [replaced.revision],
        };
      },
      fieldOf,
    }),
  ];
}
