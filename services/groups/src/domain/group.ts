import type { BuiltInGroup, FactKey, GroupId, OrgId, PrincipalId } from "@portcullis/policy";

/** A permission group, as it stands: its direct members, and the groups whose members are members of it too. */
export interface Group {
  readonly id: GroupId;
  readonly org: OrgId;
  /** Null for a built-in group. */
  readonly creator: PrincipalId | null;
  readonly created: Date;
  /** Unique among the live groups of the organisation, byte by byte. */
  readonly name: string;
  readonly description: string | null;
  /** Sorted, without repetition, as are the nested groups. */
  readonly principals: readonly PrincipalId[];
  readonly memberGroups: readonly GroupId[];
  readonly builtIn: BuiltInGroup | null;
  /** What an identity provider calls it. */
  readonly externalId: string | null;
  readonly deletedAt: Date | null;
}

/** A group as a list shows it. */
export interface FoundGroup {
  readonly id: GroupId;
  readonly name: string;
  readonly description: string | null;
  readonly builtIn: BuiltInGroup | null;
  readonly created: Date;
  /** Lists are in the order of the bytes of this. */
  readonly sortKey: string;
}

/** What is in a group, without the names of those who are. */
export interface GroupExtent {
  readonly principalCount: number;
  readonly memberGroups: readonly GroupId[];
}

/** What a caller says a group is to be. */
export interface GroupContent {
  readonly name: string;
  readonly description: string | null;
  readonly principals: readonly PrincipalId[];
  readonly memberGroups: readonly GroupId[];
  /** Null leaves as it is what stands. */
  readonly externalId: string | null;
}

/** What changes; null leaves as it is. Replacements apply first, then additions, then removals. */
export interface GroupEdit {
  readonly name: string | null;
  readonly description: string | null;
  /** An empty one ends it. */
  readonly externalId: string | null;
  readonly principals: ListEdit<PrincipalId>;
  readonly memberGroups: ListEdit<GroupId>;
}

export interface ListEdit<Id> {
  readonly replace: readonly Id[] | null;
  readonly add: readonly Id[];
  readonly remove: readonly Id[];
}

/** Ids in a request, and the field that they stand in. */
export interface Given<Id> {
  readonly field: string;
  readonly ids: readonly Id[];
}

/** What a caller gave of members, to be found before it is used. */
export interface GivenMembers {
  readonly principals: readonly Given<PrincipalId>[];
  readonly memberGroups: readonly Given<GroupId>[];
}

/** The list as the edit leaves it. */
export function editedList<Id extends string>(before: readonly Id[], edit: ListEdit<Id>): Id[] {
  const removed = new Set(edit.remove);
  return sorted([...(edit.replace ?? before), ...edit.add].filter((id) => !removed.has(id)));
}

export function sorted<Id extends string>(ids: Iterable<Id>): Id[] {
  return [...new Set(ids)].sort();
}

/** What stands in one list and not in the other. */
export function difference<Id extends string>(
  before: readonly Id[],
  after: readonly Id[],
): { readonly added: readonly Id[]; readonly removed: readonly Id[] } {
  const [old, fresh] = [new Set(before), new Set(after)];
  return { added: after.filter((id) => !old.has(id)), removed: before.filter((id) => !fresh.has(id)) };
}

export function membershipsOf(org: OrgId, principals: readonly PrincipalId[]): FactKey[] {
  return principals.map((principal) => ({ kind: "memberships", org, principal }));
}

/** Longer lists are in the log by what moved, and else by their length: whoever follows the log reads many events at once. */
const loggedMembersMax = 1000;

/** What the event log shows of a group before a change that takes these away, or after one that adds them. */
export function groupForTheLog(
  { name, description, externalId, principals, memberGroups }: Group,
  moved: Partial<Pick<Group, "principals" | "memberGroups">> = {},
): object {
  return {
    name,
    description,
    ...(externalId !== null && { externalId }),
    ...(principals.length <= loggedMembersMax
      ? { principals }
      : { principalsLeftOut: { count: principals.length, moved: moved.principals ?? [] } }),
    ...(memberGroups.length <= loggedMembersMax
      ? { memberGroups }
      : { memberGroupsLeftOut: { count: memberGroups.length, moved: moved.memberGroups ?? [] } }),
  };
}
