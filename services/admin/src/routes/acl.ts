import { invalid } from "@portcullis/chassis/fault";
import { administration, type ObjectType, objectTypeNames, type Permission } from "@portcullis/policy";
import type { Acl, AclContent } from "@portcullis/proto/grants/v1/grants";
import { z } from "zod";
import { type Access, type Demand, may, noSuchObject, objectRef } from "../access.ts";
import type { Caller } from "../caller.ts";
import type { GrantCap, WouldGive } from "../grant-cap.ts";
import { id, listQuery, maybe, objectType, permission, time } from "../input.ts";
import { listReadable } from "../listing.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { idOrNull, pageToWire, present, renames, timeText } from "../wire.ts";

const acl = z.object({
  id: z.uuid(),
  object_type: objectType,
  object_id: z.uuid(),
  user_id: z.uuid().nullable(),
  group_id: z.uuid().nullable(),
  permission: permission.nullable(),
  restrict_object_type: objectType.nullable(),
  role_id: z.uuid().nullable(),
  _object_org_id: z.uuid(),
  created: z.iso.datetime().nullable(),
  /** Ours, beside the public fields. */
  expires_at: z.iso.datetime().nullable(),
});

const params = z.object({ acl_id: id });

const content = z
  .strictObject({
    object_type: objectType,
    object_id: id,
    user_id: maybe(id),
    group_id: maybe(id),
    permission: maybe(permission),
    restrict_object_type: maybe(objectType),
    role_id: maybe(id),
    expires_at: maybe(time),
  })
  .refine((given) => (given.user_id === undefined) !== (given.group_id === undefined), {
    path: ["user_id"],
    message: "exactly one of user_id and group_id must be given",
  })
  .refine((given) => (given.permission === undefined) !== (given.role_id === undefined), {
    path: ["permission"],
    message: "exactly one of permission and role_id must be given",
  })
  .refine((given) => given.restrict_object_type === undefined || given.role_id === undefined, {
    path: ["restrict_object_type"],
    message: "can only stand beside a permission",
  });
type Content = z.infer<typeof content>;

const itemsMax = 1000;

const batch = z
  .strictObject({
    add_acls: maybe(z.array(content).max(itemsMax)),
    remove_acls: maybe(z.array(content).max(itemsMax)),
  })
  .transform(({ add_acls: add = [], remove_acls: remove = [] }) => ({ add, remove }));

const filters = {
  ...listQuery,
  user_id: id.optional(),
  group_id: id.optional(),
  permission: permission.optional(),
  restrict_object_type: objectType.optional(),
  role_id: id.optional(),
} as const;

const inContent = [
  [/\bobject\.id\b/, "object_id"],
  [/\bobject\.type\b/, "object_type"],
  [/\bobject$/, "object_id"],
  [/\bprincipal_id\b/, "user_id"],
  [/\bsubject\b/, "user_id"],
  [/\bgrant\b/, "permission"],
] as const;
const fieldOfOne = renames([/^(add|remove)\[0\]\.(content\.)?/, ""], ...inContent);
const fieldOfBatch = renames([/^(add|remove)\[(\d+)\]\.(content\.)?/, "$1_acls[$2]."], ...inContent);

/** Who was granted what on which object. */
export function aclRoutes({ grants }: Owners, access: Access, cap: GrantCap): readonly Route[] {
  const find = ({ params }: { params: { acl_id: string } }, caller: Caller) =>
    grants.getAcl({ orgId: caller.org, id: params.acl_id }, caller.hop).then(({ acl }) => present(acl));
  /** The places of those that say when they end, on objects on which the caller may not do this. */
  const endingWithout = async (
    act: "acl.read" | "acl.delete",
    items: readonly Content[],
    caller: Caller,
  ): Promise<number[]> => {
    const ending = [...items.entries()].filter(([, item]) => item.expires_at !== undefined);
    const objects = ending.map(([, item]) => objectRef(item.object_type, item.object_id));
    const allowed = await access.allowed(caller, administration[act].permission, objects);
    return ending.flatMap(([place], index) => (allowed[index] === true ? [] : [place]));
  };
  const batchRoute = (path: string) =>
    route({
      method: "POST",
      path,
      summary: "Add and remove ACLs, all or none",
      body: batch,
      response: z.object({ added_acls: z.array(acl), removed_acls: z.array(acl) }),
      requires: ({ body }) => [
        may("organization.read"),
        ...body.add.map((item, index) => mayAdd(item, `add_acls[${index}].object_id`)),
        ...body.remove.map((item, index) => mayRemove(item, `remove_acls[${index}].object_id`)),
      ],
      async handle({ body }, caller) {
        await cap.checkAcls(
          caller,
          body.add.map((item, index) => wouldGive(item, `add_acls[${index}]`)),
        );
        const updated = await grants.updateAcls(
          {
            context: caller.context,
            orgId: caller.org,
            add: body.add.map(toWire),
            remove: body.remove.map((item) => ({ what: { $case: "content", value: toWire(item) } })),
            addingAgain: { unchanged: [], noSooner: await endingWithout("acl.delete", body.add, caller) },
          },
          caller.hop,
        );
        return {
          body: {
            added_acls: updated.added.map(({ acl }) => show(present(acl))),
            removed_acls: updated.removed.map(show),
          },
          revisions: [updated.revision],
        };
      },
      fieldOf: fieldOfBatch,
    });
  const add = (method: "POST" | "PUT") =>
    route({
      method,
      path: "/v1/acl",
      summary: "Add an ACL",
      body: content,
      response: acl,
      requires: ({ body }) => mayAdd(body, "object_id"),
      async handle({ body }, caller) {
        await cap.checkAcls(caller, [
          wouldGive(body, body.permission === undefined ? "role_id" : "permission"),
        ]);
        const [unchanged, noSooner] = await Promise.all([
          // Who may not read it is refused in the end, and then must not have changed it.
          endingWithout("acl.read", [body], caller),
          endingWithout("acl.delete", [body], caller),
        ]);
        const updated = await grants.updateAcls(
          {
            context: caller.context,
            orgId: caller.org,
            add: [toWire(body)],
            remove: [],
            addingAgain: { unchanged, noSooner },
          },
          caller.hop,
        );
        const [added] = updated.added;
        if (added?.foundExisting === true) {
          const object = objectOf(present(added.acl));
          await access.demand(caller, [may("acl.read", object, { knownTo: [may("acl.create", object)] })]);
        }
        return {
          body: show(present(added?.acl)),
          foundExisting: added?.foundExisting === true,
          revisions: [updated.revision],
        };
      },
      fieldOf: fieldOfOne,
    });
  return [
    add("POST"),
    // Clients in use still send this; an ACL is all identity, so there is nothing to replace.
    add("PUT"),
    route({
      method: "DELETE",
      path: "/v1/acl",
      summary: "Remove the ACL of exactly this content",
      body: content,
      response: acl,
      requires: ({ body }) => mayRemove(body),
      async handle({ body }, caller) {
        const updated = await grants.updateAcls(
          {
            context: caller.context,
            orgId: caller.org,
            add: [],
            remove: [{ what: { $case: "content", value: toWire(body) } }],
          },
          caller.hop,
        );
        const [removed] = updated.removed;
        if (removed === undefined) throw noSuchObject();
        return { body: show(removed), revisions: [updated.revision] };
      },
      fieldOf: fieldOfOne,
    }),
    route({
      method: "GET",
      path: "/v1/acl",
      summary: "List the ACLs on an object",
      query: z.object({ ...filters, object_type: objectType, object_id: id }),
      response: z.object({ objects: z.array(acl) }),
      requires: ({ query }) => may("acl.read", objectRef(query.object_type, query.object_id)),
      async handle({ query }, caller) {
        const { acls } = await grants.listAcls(
          {
            ...filtersToWire(query, caller),
            page: pageToWire(query),
            object: { type: query.object_type, id: query.object_id },
            objectType: "",
          },
          caller.hop,
        );
        return { body: { objects: acls.map(show) } };
      },
    }),
    route({
      method: "GET",
      path: "/v1/acl/list_org",
      summary: "List the ACLs of an organization",
      query: z.object({ ...filters, object_type: objectType.optional(), object_id: id.optional() }),
      response: z.array(acl),
      requires: () => may("organization.read"),
      async handle({ query }, caller) {
        if (query.object_id !== undefined && query.object_type === undefined) {
          throw invalid("object_type", "is required beside object_id");
        }
        const acls = await listReadable({
          query,
          load: async (page) => {
            const listed = await grants.listAcls(
              {
                ...filtersToWire(query, caller),
                page,
                object:
                  query.object_type !== undefined && query.object_id !== undefined
                    ? { type: query.object_type, id: query.object_id }
                    : undefined,
                objectType: query.object_type ?? "",
              },
              caller.hop,
            );
            return listed.acls;
          },
          readable: async (candidates) => {
            const allowed = await access.allowed(caller, "read_acls", candidates.map(objectOf));
            return candidates.filter((_acl, index) => allowed[index] === true);
          },
          // The owner judges whether the cursor is of this list.
          isCursorReadable: async (cursor) => {
            const { acls } = await grants.listAcls(
              {
                ...filtersToWire(query, caller),
                ids: [cursor],
                page: undefined,
                object: undefined,
                objectType: "",
              },
              caller.hop,
            );
            const [allowed] = await access.allowed(caller, "read_acls", acls.map(objectOf));
            return allowed === true;
          },
        });
        return { body: acls.map(show) };
      },
    }),
    batchRoute("/v1/acl/batch_update"),
    batchRoute("/v1/acl/batch-update"),
    route({
      method: "GET",
      path: "/v1/acl/:acl_id",
      summary: "Get an ACL",
      params,
      response: acl,
      find,
      requires: ({ found }) => may("acl.read", objectOf(found), { knownTo: [] }),
      async handle({ found }) {
        return { body: show(found) };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/acl/:acl_id",
      summary: "Remove an ACL",
      params,
      response: acl,
      find,
      requires: ({ found }) =>
        may("acl.delete", objectOf(found), { knownTo: [may("acl.read", objectOf(found))] }),
      standing: ({ found }) => show(found),
      async handle({ found }, caller) {
        const updated = await grants.updateAcls(
          {
            context: caller.context,
            orgId: caller.org,
            add: [],
            remove: [{ what: { $case: "id", value: found.id } }],
          },
          caller.hop,
        );
        const [removed] = updated.removed;
        if (removed === undefined) throw noSuchObject();
        return { body: show(removed), revisions: [updated.revision] };
      },
      fieldOf: fieldOfOne,
    }),
  ];
}

function mayAdd(item: Content, field: string): Demand {
  return may("acl.create", objectRef(item.object_type, item.object_id), { field });
}

function mayRemove(item: Content, field?: string): Demand {
  const object = objectRef(item.object_type, item.object_id);
  return may("acl.delete", object, field === undefined ? {} : { field });
}

function toWire(item: Content): AclContent {
  return {
    object: { type: item.object_type, id: item.object_id },
    subject:
      item.user_id === undefined
        ? { $case: "groupId", value: item.group_id ?? "" }
        : { $case: "principalId", value: item.user_id },
    grant:
      item.permission === undefined
        ? { $case: "roleId", value: item.role_id ?? "" }
        : { $case: "permission", value: item.permission },
    restrictObjectType: item.restrict_object_type ?? "",
    expiresAt: item.expires_at === undefined ? undefined : new Date(item.expires_at),
  };
}

function wouldGive(item: Content, field: string): WouldGive {
  const { object, grant, restrictObjectType, expiresAt } = toWire(item);
  return { field, acl: { object, grant, restrictObjectType, expiresAt } };
}

interface Filters {
  readonly ids: string[];
  readonly user_id?: string | undefined;
  readonly group_id?: string | undefined;
  readonly permission?: string | undefined;
  readonly restrict_object_type?: string | undefined;
  readonly role_id?: string | undefined;
}

function filtersToWire(query: Filters, caller: Caller) {
  return {
    orgId: caller.org,
    ids: query.ids,
    principalId: query.user_id ?? "",
    groupId: query.group_id ?? "",
    permission: query.permission ?? "",
    restrictObjectType: query.restrict_object_type ?? "",
    roleId: query.role_id ?? "",
  };
}

function objectOf(message: Acl) {
  const { type, id } = present(message.content?.object);
  return objectRef(typeOf(type), id);
}

function typeOf(word: string): ObjectType {
  return present(objectTypeNames.find((type) => type === word));
}

function show(message: Acl): z.infer<typeof acl> {
  const { object, subject, grant, restrictObjectType, expiresAt } = present(message.content);
  return {
    id: message.id,
    object_type: present(object).type as ObjectType,
    object_id: present(object).id,
    user_id: subject?.$case === "principalId" ? subject.value : null,
    group_id: subject?.$case === "groupId" ? subject.value : null,
    permission: grant?.$case === "permission" ? (grant.value as Permission) : null,
    restrict_object_type: idOrNull(restrictObjectType) as ObjectType | null,
    role_id: grant?.$case === "roleId" ? grant.value : null,
    _object_org_id: message.orgId,
    created: timeText(message.created),
    expires_at: timeText(expiresAt),
  };
}
