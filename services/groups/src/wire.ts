// Proto to domain and back; the only file that knows both.

import { optionalText, text, uuid, uuids } from "@portcullis/chassis/fields";
import type { GroupId, OrgId, PrincipalId } from "@portcullis/policy";
import type {
  FoundGroup as FoundGroupMessage,
  Group as GroupMessage,
  Ids,
  UpdateGroupRequest,
} from "@portcullis/proto/groups/v1/groups";
import type {
  FoundGroup,
  Given,
  GivenMembers,
  Group,
  GroupContent,
  GroupEdit,
  GroupExtent,
} from "./domain/group.ts";

export const nameMax = 255;
const descriptionMax = 10_000;
/** The most entries of any list in a request. */
export const listMax = 10_000;

export function orgFromWire(value: string): OrgId {
  return uuid(value, "org_id");
}

export function givenFromWire<Id extends string>(values: readonly string[], field: string): Given<Id> {
  return { field, ids: uuids<Id>(values, field, listMax) };
}

interface ContentMessage {
  readonly name: string;
  readonly description?: string | undefined;
  readonly externalId?: string | undefined;
  readonly principalIds: string[];
  readonly memberGroupIds: string[];
}

/** What a group is to be, and the fields that say so. */
export function contentFromWire(message: ContentMessage): { content: GroupContent; given: GivenMembers } {
  const principals = givenFromWire<PrincipalId>(message.principalIds, "principal_ids");
  const memberGroups = givenFromWire<GroupId>(message.memberGroupIds, "member_group_ids");
  const content = {
    name: text(message.name, "name", nameMax),
    description: descriptionFromWire(message.description),
    principals: principals.ids,
    memberGroups: memberGroups.ids,
    externalId: message.externalId === undefined ? null : text(message.externalId, "external_id", nameMax),
  };
  return { content, given: { principals: [principals], memberGroups: [memberGroups] } };
}

/** What changes, and the fields that name members. Who is only to be removed need not exist. */
export function editFromWire(message: UpdateGroupRequest): { edit: GroupEdit; given: GivenMembers } {
  const principals = listEditFromWire<PrincipalId>(
    "principal_ids",
    message.replacePrincipalIds,
    message.addPrincipalIds,
    message.removePrincipalIds,
  );
  const memberGroups = listEditFromWire<GroupId>(
    "member_group_ids",
    message.replaceMemberGroupIds,
    message.addMemberGroupIds,
    message.removeMemberGroupIds,
  );
  return {
    edit: {
      name: message.name === undefined ? null : text(message.name, "name", nameMax),
      description: descriptionFromWire(message.description),
      externalId:
        message.externalId === undefined ? null : optionalText(message.externalId, "external_id", nameMax),
      principals: principals.edit,
      memberGroups: memberGroups.edit,
    },
    given: { principals: principals.given, memberGroups: memberGroups.given },
  };
}

export function groupToWire(group: Group): GroupMessage {
  return {
    id: group.id,
    orgId: group.org,
    creatorId: group.creator ?? "",
    created: group.created,
    name: group.name,
    description: group.description ?? undefined,
    principalIds: [...group.principals],
    memberGroupIds: [...group.memberGroups],
    builtIn: group.builtIn ?? "",
    deletedAt: group.deletedAt ?? undefined,
    externalId: group.externalId ?? undefined,
  };
}

/** Without its extent where that was not asked for. */
export function foundGroupToWire(group: FoundGroup, extent: GroupExtent | undefined): FoundGroupMessage {
  return {
    id: group.id,
    name: group.name,
    description: group.description ?? undefined,
    builtIn: group.builtIn ?? "",
    created: group.created,
    principalCount: extent?.principalCount ?? 0,
    memberGroupIds: [...(extent?.memberGroups ?? [])],
    sortKey: group.sortKey,
  };
}

function descriptionFromWire(value: string | undefined): string | null {
  return value === undefined ? null : optionalText(value, "description", descriptionMax);
}

function listEditFromWire<Id extends string>(
  field: string,
  replace: Ids | undefined,
  add: readonly string[],
  remove: readonly string[],
) {
  const replaced = replace && givenFromWire<Id>(replace.ids, `replace_${field}.ids`);
  const added = givenFromWire<Id>(add, `add_${field}`);
  const removed = givenFromWire<Id>(remove, `remove_${field}`);
  return {
    edit: { replace: replaced?.ids ?? null, add: added.ids, remove: removed.ids },
    given: replaced === undefined ? [added] : [replaced, added],
  };
}
