import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { legible } from "../ui/legible.ts";
import { getByIds } from "./by-ids.ts";
import type { PrincipalKind } from "./directory.ts";
import { create, get, send } from "./http.ts";

export interface GroupSummary {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly built_in: boolean;
  readonly created: string | null;
  readonly member_count: number;
  readonly member_group_ids: readonly string[];
}

/** A group as the public API shows it. */
export interface Group {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly created: string | null;
  readonly member_users: readonly string[];
  readonly member_groups: readonly string[];
}

export interface GroupMember {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly name: string | null;
  readonly email: string | null;
}

interface Page {
  readonly q?: string | undefined;
  readonly cursor?: string | undefined;
}

const pageSize = 50;
const groupsMax = 1000;

interface GroupsPage {
  readonly groups: readonly GroupSummary[];
  readonly cursor: string | null;
  readonly total: number;
}

export function groupsQuery({ q, cursor }: Page) {
  return queryOptions({
    queryKey: ["groups", "list", q, cursor],
    queryFn: ({ signal }) =>
      get<GroupsPage>("/v1/access/groups", { query: { q, cursor, limit: pageSize }, signal }),
    placeholderData: keepPreviousData,
  });
}

/** Pages of all groups that are read for a picture; more are hardly anybody's. */
const picturePagesMax = 20;

/** All groups, for a picture of them; `cursor` is not null if there are still more. */
export const allGroupsQuery = queryOptions({
  queryKey: ["groups", "all"],
  async queryFn({ signal }) {
    const groups: GroupSummary[] = [];
    let page: GroupsPage = { groups: [], total: 0, cursor: null };
    for (let pages = 0; pages === 0 || (page.cursor !== null && pages < picturePagesMax); pages++) {
      const query = { limit: groupsMax, cursor: page.cursor };
      page = await get<GroupsPage>("/v1/access/groups", { query, signal });
      groups.push(...page.groups);
    }
    return { ...page, groups };
  },
});

export function groupQuery(id: string) {
  return queryOptions({
    queryKey: ["groups", "one", id],
    queryFn: ({ signal }) => get<Group>(`/v1/group/${encodeURIComponent(id)}`, { signal }),
  });
}

export function groupMembersQuery(id: string, { q, cursor }: Page) {
  return queryOptions({
    queryKey: ["groups", "members", id, q, cursor],
    queryFn: ({ signal }) =>
      get<{ members: readonly GroupMember[]; cursor: string | null }>(
        `/v1/access/groups/${encodeURIComponent(id)}/members`,
        { query: { q, cursor, limit: pageSize }, signal },
      ),
    placeholderData: keepPreviousData,
  });
}

/** The names of groups by id; what is gone is left out. */
export function groupNamesQuery(ids: readonly string[]) {
  const wanted = [...new Set(ids)].toSorted();
  return queryOptions({
    queryKey: ["groups", "names", wanted],
    staleTime: 60_000,
    async queryFn({ signal }) {
      const groups = await getByIds<Group>("/v1/group", wanted, signal);
      return new Map(groups.map((group) => [group.id, legible(group.name)]));
    },
  });
}

export function createGroup(what: { readonly name: string; readonly description?: string }): Promise<Group> {
  return create("/v1/group", what);
}

export interface GroupChange {
  readonly name?: string;
  readonly description?: string;
  readonly add_member_users?: readonly string[];
  readonly remove_member_users?: readonly string[];
  readonly add_member_groups?: readonly string[];
  readonly remove_member_groups?: readonly string[];
}

export function changeGroup(id: string, change: GroupChange): Promise<Group> {
  return send("PATCH", `/v1/group/${encodeURIComponent(id)}`, { body: change });
}

export function deleteGroup(id: string): Promise<Group> {
  return send("DELETE", `/v1/group/${encodeURIComponent(id)}`);
}
