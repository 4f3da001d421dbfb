// What all kinds of things share that are kept with an object and have no ACLs: who may read the object may read them, who
// may update it may change them. A kind adds its own words.

import type { ObjectRef, ObjectType } from "@portcullis/policy";
import type { Attachment } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { type Access, type Demand, may, noSuchObject, objectRef } from "../access.ts";
import type { Caller } from "../caller.ts";
import { anyText, id, listQuery } from "../input.ts";
import { listReadable } from "../listing.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { present, renames } from "../wire.ts";

/** The object that a request names: by its id, and by its type where the path does not tell. */
interface NamedObject {
  readonly type: ObjectType;
  /** Left out: the organisation. */
  readonly id?: string | undefined;
}

interface Content {
  readonly object: NamedObject;
  /** Tells it from the others of its kind with that object. */
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

interface Changes {
  /** Where a request must say again what it is kept with. */
  readonly object?: NamedObject | undefined;
  readonly name?: string | undefined;
  readonly payload: Readonly<Record<string, unknown>>;
}

interface Filter {
  readonly object?: NamedObject | undefined;
  readonly named?: readonly string[] | undefined;
  readonly projectName?: string | undefined;
  /** What the owner does not know to look for. */
  readonly matches?: ((attachment: Attachment, payload: Content["payload"]) => boolean) | undefined;
}

interface Kind<Shown> {
  readonly kind: "env_var" | "environment" | "project_score" | "project_tag" | "view";
  readonly path: string;
  readonly noun: string;
  readonly content: z.ZodType<Content>;
  readonly changes: z.ZodType<Changes>;
  readonly filter: z.ZodType<Filter>;
  readonly shown: z.ZodType<Shown>;
  readonly show: (attachment: Attachment, payload: Readonly<Record<string, unknown>>) => Shown;
  /** What the payload says beside what was sent. */
  readonly complete?: (payload: Content["payload"], caller: Caller) => Content["payload"];
  /** Whether the public API has no PUT of it. */
  readonly withoutPut?: true;
  /** The words of the request for an object and a name. */
  readonly objectField: string;
  readonly nameField?: string;
}

/** All routes of one kind of attachment. */
export function attachmentRoutes<Shown>(
  { grants }: Pick<Owners, "grants">,
  access: Access,
  kind: Kind<Shown>,
): readonly Route[] {
  const idParameter = `${kind.noun}_id`;
  const one = `${kind.path}/:${idParameter}`;
  const params = z.object({ [idParameter]: id }).transform((given) => ({ id: String(given[idParameter]) }));
  const fieldOf = renames(
    [/^attachment\.object.*/, kind.objectField],
    [/^(attachment\.)?name$/, kind.nameField ?? "name"],
    [/^(attachment\.)?payload_json.*/, "body"],
  );
  const complete = kind.complete ?? ((payload) => payload);
  const payloadOf = (attachment: Attachment) =>
    JSON.parse(attachment.payloadJson || "{}") as Record<string, unknown>;
  const show = (attachment: Attachment | undefined): Shown => {
    const message = present(attachment);
    return kind.show(message, payloadOf(message));
  };
  const refOf = (object: NamedObject, caller: Caller): ObjectRef =>
    objectRef(object.type, object.id ?? caller.org);
  const keptWith = (attachment: Attachment): ObjectRef => {
    const { type, id: objectId } = present(attachment.object);
    return objectRef(type as ObjectType, objectId);
  };
  const mayRead = (object: ObjectRef, field?: string): Demand =>
    object.type === "organization"
      ? may("organization.read")
      : may("object.read", object, field === undefined ? {} : { field });
  const mayChange = (object: ObjectRef, field?: string): Demand =>
    object.type === "organization"
      ? may("organization.update")
      : may("object.update", object, field === undefined ? {} : { field });
  const find = async ({ params }: { params: { id: string } }, caller: Caller) => {
    const { attachment } = await grants.getAttachment(
      { orgId: caller.org, id: params.id, kind: kind.kind },
      caller.hop,
    );
    return present(attachment);
  };
  /** Whoever says what it is kept with must be right. */
  const checkNamed = (named: NamedObject | undefined, found: Attachment, caller: Caller): void => {
    if (named === undefined) return;
    const { type, id: objectId } = refOf(named, caller);
    const kept = keptWith(found);
    if (type !== kept.type || objectId !== kept.id) throw noSuchObject();
  };
  const contentToWire = (body: Content, caller: Caller) => ({
    context: caller.context,
    orgId: caller.org,
    attachment: {
      kind: kind.kind,
      object: refOf(body.object, caller),
      name: body.name,
      payloadJson: JSON.stringify(complete(body.payload, caller)),
    },
  });

  const post = route({
    method: "POST",
    path: kind.path,
    summary: `Create a ${kind.noun}`,
    body: kind.content,
    response: kind.shown,
    requires: ({ body }, caller) => mayChange(refOf(body.object, caller), kind.objectField),
    async handle({ body }, caller) {
      const made = await grants.createAttachment(contentToWire(body, caller), caller.hop);
      const { attachment, foundExisting, revision } = made;
      return { body: show(attachment), foundExisting, revisions: [revision] };
    },
    fieldOf,
  });
  const put = route({
    method: "PUT",
    path: kind.path,
    summary: `Create or replace a ${kind.noun}`,
    body: kind.content,
    response: kind.shown,
    requires: ({ body }, caller) => mayChange(refOf(body.object, caller), kind.objectField),
    async standing({ body }, caller) {
      const { attachments } = await grants.listAttachments(
        {
          orgId: caller.org,
          kind: kind.kind,
          page: undefined,
          object: refOf(body.object, caller),
          ids: [],
          names: [body.name],
          projectNames: [],
        },
        caller.hop,
      );
      return attachments[0] === undefined ? null : show(attachments[0]);
    },
    async handle({ body }, caller) {
      const { attachment, foundExisting, revision } = await grants.replaceAttachment(
        contentToWire(body, caller),
        caller.hop,
      );
      return { body: show(attachment), foundExisting, revisions: [revision] };
    },
    fieldOf,
  });
  const list = route({
    method: "GET",
    path: kind.path,
    summary: `List ${kind.noun}s`,
    query: z
      .object(listQuery)
      .and(z.object({ project_name: anyText.optional() }))
      .and(asFilter(kind.filter)),
    response: z.object({ objects: z.array(kind.shown) }),
    requires: () => may("organization.read"),
    async handle({ query }, caller) {
      const { object, named, matches } = query.filter;
      const wanted = {
        orgId: caller.org,
        kind: kind.kind,
        object: object === undefined ? undefined : refOf(object, caller),
        ids: query.ids,
        names: [...(named ?? [])],
        projectNames: query.project_name === undefined ? [] : [query.project_name],
      };
      const readable = async (attachments: readonly Attachment[]) => {
        const fitting =
          matches === undefined ? attachments : attachments.filter((each) => matches(each, payloadOf(each)));
        const allowed = await mayReadAll(fitting.map(keptWith), caller);
        return fitting.filter((_, index) => allowed[index] === true);
      };
      const objects = await listReadable({
        query,
        load: async (page) => (await grants.listAttachments({ ...wanted, page }, caller.hop)).attachments,
        readable,
        // What the owner filters by, it holds the cursor against itself.
        isCursorReadable: async (cursor) => {
          const { attachments } = await grants.listAttachments(
            { ...wanted, object: undefined, names: [], projectNames: [], ids: [cursor], page: undefined },
            caller.hop,
          );
          return (await readable(attachments)).length === 1;
        },
      });
      return { body: { objects: objects.map(show) } };
    },
    fieldOf,
  });
  /** Every member may read what is kept with the organisation itself. */
  async function mayReadAll(objects: readonly ObjectRef[], caller: Caller): Promise<boolean[]> {
    const asked = objects.filter(({ type }) => type !== "organization");
    const answers = await access.allowed(caller, "read", asked);
    return objects.map(({ type }) => (type === "organization" ? true : (answers.shift() ?? false)));
  }
  const get = route({
    method: "GET",
    path: one,
    summary: `Get a ${kind.noun}`,
    params,
    query: asFilter(kind.filter),
    response: kind.shown,
    find,
    requires: ({ found }) => mayRead(keptWith(found)),
    async handle({ query, found }, caller) {
      checkNamed(query.filter.object, found, caller);
      return { body: show(found) };
    },
    fieldOf,
  });
  const patch = route({
    method: "PATCH",
    path: one,
    summary: `Change a ${kind.noun}`,
    params,
    body: kind.changes,
    response: kind.shown,
    find,
    requires: ({ found }) => mayChange(keptWith(found)),
    standing: ({ found }) => show(found),
    async handle({ params, body, found }, caller) {
      checkNamed(body.object, found, caller);
      const updated = await grants.updateAttachment(
        {
          context: caller.context,
          orgId: caller.org,
          id: params.id,
          kind: kind.kind,
          name: body.name,
          payloadJson: JSON.stringify(complete(body.payload, caller)),
        },
        caller.hop,
      );
      return { body: show(updated.attachment), revisions: [updated.revision] };
    },
    fieldOf,
  });
  const remove = route({
    method: "DELETE",
    path: one,
    summary: `Delete a ${kind.noun}`,
    params,
    body: asFilter(kind.filter)
      .nullish()
      .transform((given) => given ?? { filter: {} }),
    response: kind.shown,
    find,
    requires: ({ found }) => mayChange(keptWith(found)),
    standing: ({ found }) => show(found),
    async handle({ params, body, found }, caller) {
      checkNamed(body.filter.object, found, caller);
      const deleted = await grants.deleteAttachment(
        { context: caller.context, orgId: caller.org, id: params.id, kind: kind.kind },
        caller.hop,
      );
      return { body: show(deleted.attachment), revisions: [deleted.revision] };
    },
    fieldOf,
  });
  return [post, ...(kind.withoutPut === true ? [] : [put]), list, get, patch, remove];
}

/** A filter as a part of a query, apart from the other parameters. */
function asFilter(schema: z.ZodType<Filter>): z.ZodType<{ readonly filter: Filter }> {
  return schema.transform((filter) => ({ filter }));
}
