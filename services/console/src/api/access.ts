// Questions about access, and the ACLs that answer them.

import type { ObjectType, Permission } from "@portcullis/policy";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, post } from "./http.ts";

export interface ObjectRef {
  readonly type: ObjectType;
  readonly id: string;
}

/** An ACL as the public API shows it. */
export interface Acl {
  readonly id: string;
  readonly object_type: ObjectType;
  readonly object_id: string;
  readonly user_id: string | null;
  readonly group_id: string | null;
  readonly permission: Permission | null;
  readonly restrict_object_type: ObjectType | null;
  readonly role_id: string | null;
  readonly created: string | null;
  readonly expires_at: string | null;
}

/** What an ACL says, without what it is known by. */
export interface AclContent {
  readonly object_type: ObjectType;
  readonly object_id: string;
  readonly user_id?: string;
  readonly group_id?: string;
  readonly permission: Permission;
  readonly restrict_object_type?: ObjectType;
}

/** The ACLs on an object; with a subject, only those for it. */
export function aclsQuery(object: ObjectRef, subject: { user_id?: string; group_id?: string } = {}) {
  return queryOptions({
    queryKey: ["acls", object.type, object.id, subject],
    queryFn: ({ signal }) =>
      get<{ objects: readonly Acl[] }>("/v1/acl", {
        query: { object_type: object.type, object_id: object.id, ...subject },
        signal,
      }).then(({ objects }) => objects),
  });
}

export function changeAcls(add: readonly AclContent[], remove: readonly AclContent[]): Promise<unknown> {
  return post("/v1/acl/batch_update", { add_acls: add, remove_acls: remove });
}

/** One change, in the words of the simulation. */
export type ProposedChange =
  | { readonly add_acl: ProposedAcl }
  | { readonly remove_acl: { readonly content: ProposedAcl } }
  | { readonly add_principal: { readonly group_id: string; readonly principal_id: string } }
  | { readonly remove_principal: { readonly group_id: string; readonly principal_id: string } }
  | { readonly add_member_group: { readonly group_id: string; readonly member_group_id: string } }
  | { readonly remove_member_group: { readonly group_id: string; readonly member_group_id: string } }
  | { readonly remove_member: { readonly principal_id: string } };

interface ProposedAcl {
  readonly object: ObjectRef;
  readonly principal_id?: string;
  readonly group_id?: string;
  readonly permission: Permission;
  readonly restrict_object_type?: ObjectType;
}

export interface Difference {
  readonly principal_id: string;
  readonly object: ObjectRef;
  readonly gained: readonly Permission[];
  readonly lost: readonly Permission[];
}

export interface Simulated {
  readonly differences: readonly Difference[];
  readonly cut_off: readonly string[];
}

/** More changes than this are not simulated at once. */
export const simulatedMax = 100;

export function simulateQuery(changes: readonly ProposedChange[]) {
  return queryOptions({
    queryKey: ["simulate", changes],
    queryFn: ({ signal }) => post<Simulated>("/v1/access/simulate", { changes }, signal),
    gcTime: 0,
    staleTime: 0,
  });
}

export function proposedAcl(content: AclContent): ProposedAcl {
  const { object_type: type, object_id: id, user_id: principal, ...rest } = content;
  return { object: { type, id }, ...(principal !== undefined && { principal_id: principal }), ...rest };
}

export interface Named {
  readonly type: string;
  readonly id: string;
  readonly name: string | null;
}

export interface ExplainedAcl {
  readonly id: string;
  readonly on: Named;
  readonly subject: Named;
  readonly permission: Permission | null;
  readonly role: Named | null;
  readonly restrict_object_type: ObjectType | null;
  readonly expires_at: string | null;
}

export interface GrantPath {
  readonly acl: ExplainedAcl;
  readonly groups: readonly Named[];
  readonly roles: readonly Named[];
  readonly objects: readonly Named[];
}

export interface MissingStep {
  readonly kind: string;
  readonly expired_at: string | null;
  readonly granted_types: readonly string[];
  readonly group: Named | null;
  readonly granted_permissions: readonly string[];
  readonly is_enough: boolean;
}

export interface Explanation {
  readonly allowed: boolean;
  readonly reason: string;
  readonly sentence: string;
  readonly principal: Named;
  readonly paths: readonly GrantPath[];
  readonly paths_cut: boolean;
  readonly nearest: readonly {
    readonly acl: ExplainedAcl | null;
    readonly missing: readonly MissingStep[];
  }[];
  readonly nearest_cut: boolean;
}

export interface AccessQuestion {
  readonly principal_id: string;
  readonly permission: Permission;
  readonly object: ObjectRef;
}

export function explainQuery(question: AccessQuestion) {
  return queryOptions({
    queryKey: ["explain", question],
    queryFn: ({ signal }) => post<Explanation>("/v1/access/explain", question, signal),
  });
}

export interface PrincipalWithAccess {
  readonly principal: Named;
  readonly reason: string;
  readonly paths: readonly GrantPath[];
  readonly paths_cut: boolean;
}

export function listPrincipalsQuery(asked: {
  readonly object: ObjectRef;
  readonly permission: Permission;
  readonly cursor?: string | undefined;
}) {
  return queryOptions({
    queryKey: ["list principals", asked],
    queryFn: ({ signal }) =>
      post<{ principals: readonly PrincipalWithAccess[]; cursor: string | null }>(
        "/v1/access/list-principals",
        { ...asked, limit: 100 },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
}

export function listObjectsQuery(asked: {
  readonly principal_id: string;
  readonly permission: Permission;
  readonly type: ObjectType;
  readonly cursor?: string | undefined;
}) {
  return queryOptions({
    queryKey: ["list objects", asked],
    queryFn: ({ signal }) =>
      post<{ ids: readonly string[]; cursor: string | null }>(
        "/v1/access/list-objects",
        { ...asked, limit: 100 },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
}

/** What the caller may do with an object: decides which buttons there are. */
export function ownPermissionsQuery(object: ObjectRef) {
  return queryOptions({
    queryKey: ["own permissions", object.type, object.id],
    queryFn: ({ signal }) =>
      post<{ permissions: readonly Permission[] }>("/v1/access/permissions", { object }, signal).then(
        ({ permissions }) => permissions,
      ),
  });
}
