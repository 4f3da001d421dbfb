import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { present, uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { consistencyFromWire, mayAskAbout, pageLimitFromWire } from "@portcullis/checks";
import type { FactReader, Facts } from "@portcullis/facts";
import { objectFromWire } from "@portcullis/facts/wire";
import {
  asSomebodyIn,
  type FactKey,
  type GrantPath,
  type GroupId,
  type HeldGrant,
  heldGrants,
  isNeeds,
  type Needs,
  type ObjectRef,
  type OrgId,
  type PrincipalId,
  type ReachingGrant,
  type ReachingGrants,
  reachingGrants,
} from "@portcullis/policy";
import type {
  HeldGrant as HeldGrantMessage,
  ListHeldGrantsRequest,
  ListHeldGrantsResponse,
  Named,
} from "@portcullis/proto/decision/v1/decision";
import type { GrantsService } from "@portcullis/proto/grants/v1/grants";
import type { GroupsService } from "@portcullis/proto/groups/v1/groups";
import { agreed } from "../agreed.ts";
import { fillInNames } from "../names.ts";
import { aclMessage, type Name, pathMessage } from "./explain.ts";
import type { PrincipalOwners } from "./list-principals.ts";

/** As many as grants reads of one object or group. */
const aclsMax = 10_000;
/** As many as groups looks into at once. */
const groupsMax = 10_000;
const pathsMax = 10;
/** Names cost their owners a look each, and a message has a size: a page ends when it speaks of so many things. */
const thingsMax = 10_000;

export interface GrantOwners extends PrincipalOwners {
  readonly groups: PrincipalOwners["groups"] & Pick<Stub<typeof GroupsService>, "findEmptyGroups">;
  readonly grants: PrincipalOwners["grants"] & Pick<Stub<typeof GrantsService>, "listAcls">;
}

export async function listHeldGrants(
  facts: FactReader,
  owners: GrantOwners,
  request: ListHeldGrantsRequest,
  call: Call,
): Promise<ListHeldGrantsResponse> {
  const org = uuid<OrgId>(request.orgId, "org_id");
  const what = present(request.what, "what");
  const limit = pageLimitFromWire(request.limit);
  const consistency = consistencyFromWire(request.consistency, org);
  const inquiry = { facts, owners, org, limit, consistency, call };
  const page =
    what.$case === "object"
      ? heldOn(inquiry, objectFromWire(what.value, "object"), request.cursor)
      : heldByGroup(inquiry, uuid<GroupId>(what.value, "group_id"), request.cursor);
  const { entries, cursor, everybody, revision } = await page;
  const things: Named[] = [];
  const named = (type: string, id: string): Named => {
    const thing = { type, id, name: "" };
    things.push(thing);
    return thing;
  };
  const grants = entries.map((entry) => messageOf(entry, named));
  await fillInNames(things, org, owners, call);
  return { grants, cursor, everybody: [...everybody], revision };
}

interface Inquiry {
  readonly facts: FactReader;
  readonly owners: GrantOwners;
  readonly org: OrgId;
  readonly limit: number;
  readonly consistency: ReturnType<typeof consistencyFromWire>;
  readonly call: Call;
}

interface Entry {
  readonly holder: { readonly kind: "principal" | "group"; readonly id: string };
  readonly grant: ReachingGrant;
  /** What the ACL is looked at from: the type of this comes before those below it. */
  readonly object: ObjectRef;
  readonly paths: readonly GrantPath[];
  readonly arePathsCut: boolean;
  readonly marks: readonly string[];
}

interface Page {
  readonly entries: readonly Entry[];
  readonly cursor: string;
  readonly everybody: readonly string[];
  readonly revision: string;
}

/** First the ACLs that give nobody anything, then what principals hold. */
async function heldOn(inquiry: Inquiry, object: ObjectRef, cursor: string): Promise<Page> {
  mayAskAbout(inquiry.org, inquiry.call);
  const question = [inquiry.org, object.type, object.id];
  const [idleQuestion, heldQuestion] = [
    [...question, "idle"],
    [...question, "held"],
  ];
  // What is left of a cursor behind the letter of its list.
  const place = cursor.slice(1);
  if (cursor !== "" && !/^[ih]/.test(cursor)) throw invalid("cursor", "is not one that a page ended with");
  let idle: readonly Entry[] = [];
  if (!cursor.startsWith("h")) {
    const answer = await idleOn(inquiry, object, readCursor(place, idleQuestion));
    const { entries, behind, everybody } = answer.result;
    if (behind !== null) {
      return {
        entries,
        cursor: `i${cursorBehind(behind, idleQuestion)}`,
        everybody,
        revision: answer.revision,
      };
    }
    idle = entries;
  }
  const after = cursor.startsWith("h") ? readCursor(place, heldQuestion) : null;
  const { result, revision } = await heldByPrincipals(inquiry, object, after);
  return {
    entries: [...idle, ...result.entries],
    cursor: result.behind === null ? "" : `h${cursorBehind(result.behind, heldQuestion)}`,
    everybody: result.everybody,
    revision,
  };
}

/** A part of one of the two lists. */
interface Part {
  readonly entries: readonly Entry[];
  /** The id behind which the next page begins; null: there is none. */
  readonly behind: string | null;
  readonly everybody: readonly string[];
}

function idleOn(
  { facts, owners, org, limit, consistency, call }: Inquiry,
  object: ObjectRef,
  after: string | null,
) {
  return agreed(
    facts,
    org,
    consistency,
    {
      evaluate: (organization) => reachingGrants({ org, object, nowMs: Date.now() }, organization),
      async find(reaching) {
        const groupIds = [...subjectsOf(reaching).groups];
        const { groupIds: empty, revision } = await owners.groups.findEmptyGroups(
          { orgId: org, groupIds },
          call,
        );
        return { result: new Set(empty), revision };
      },
      isSame: areSame,
      conclude(reaching, empty, organization): Part {
        const isEmpty = ({ acl: { subject } }: ReachingGrant) =>
          subject.kind === "group" &&
          (empty.has(subject.id) || organization.groups()?.has(subject.id) !== true);
        const idle = reaching.grants
          .filter((grant) => !grant.isInForce || isEmpty(grant))
          .filter(({ acl }) => after === null || (acl.id as string) > after)
          .toSorted((one, other) => (one.acl.id < other.acl.id ? -1 : 1));
        const entries = idle.slice(0, limit).map((grant) => ({
          holder: grant.acl.subject,
          grant,
          object,
          paths: [],
          arePathsCut: false,
          marks: [...(grant.isInForce ? [] : ["expired"]), ...(isEmpty(grant) ? ["empty_group"] : [])],
        }));
        const behind = idle.length > limit ? (entries.at(-1)?.grant.acl.id ?? null) : null;
        return { entries, behind, everybody: reaching.everybody };
      },
    },
    call,
  );
}

function heldByPrincipals(
  { facts, owners, org, limit, consistency, call }: Inquiry,
  object: ObjectRef,
  after: string | null,
) {
  return agreed(
    facts,
    org,
    consistency,
    {
      evaluate: (organization) => reachingGrants({ org, object, nowMs: Date.now() }, organization),
      async find(reaching) {
        const { principals, groups } = subjectsOf(reaching);
        const page = { orgId: org, groupIds: [...groups], after: after ?? "", limit };
        const { principalIds, more, revision } = await owners.groups.findPrincipals(page, call);
        const named = [...principals].filter((id) => after === null || (id as string) > after);
        const all = [...new Set([...principalIds, ...named])].toSorted() as PrincipalId[];
        // What lies behind the last of a page that is not the whole may be preceded by others.
        return { result: { ids: all.slice(0, limit), more: more || all.length > limit }, revision };
      },
      isSame: areSame,
      conclude: (reaching, candidates, organization) => held(org, reaching, candidates, organization),
    },
    call,
  );
}

/** What each of them holds. */
function held(
  org: OrgId,
  reaching: ReachingGrants,
  { ids, more }: { readonly ids: readonly PrincipalId[]; readonly more: boolean },
  facts: Facts,
): Part | Needs {
  const { object, everybody } = reaching;
  const nowMs = Date.now();
  const missing: FactKey[] = [];
  const entries: Entry[] = [];
  let things = 0;
  let last: string | null = null;
  for (const principal of ids) {
    const found = heldGrants({ org, principal, nowMs }, reaching, facts);
    if (isNeeds(found)) {
      missing.push(...found.keys);
      continue;
    }
    if (missing.length > 0) continue;
    const those = found.grants
      // Whoever is no member is told of for what names them.
      .filter(({ grant }) => found.isMember || grant.acl.subject.kind === "principal")
      .map((each) => entryOf(each, { kind: "principal", id: principal }, object, found.isMember));
    things += those.reduce((sum, entry) => sum + thingsIn(entry), 0);
    if (things > thingsMax && entries.length > 0) return { entries, behind: last, everybody };
    entries.push(...those);
    last = principal;
  }
  if (missing.length > 0) return { kind: "needs", keys: missing };
  return { entries, behind: more ? (ids.at(-1) ?? null) : null, everybody };
}

function entryOf(
  { grant, paths, isDuplicate, isEverybodys }: HeldGrant,
  holder: Entry["holder"],
  object: ObjectRef,
  isMember = true,
): Entry {
  const some: GrantPath[] = [];
  for (const path of paths) {
    some.push(path);
    if (some.length > pathsMax) break;
  }
  const marks = isMember
    ? [...(isDuplicate ? ["duplicate"] : []), ...(isEverybodys ? ["everybody"] : [])]
    : ["former_member"];
  return {
    holder,
    grant,
    object,
    paths: some.slice(0, pathsMax),
    arePathsCut: some.length > pathsMax,
    marks,
  };
}

/** What a group has by the ACLs that name it. */
async function heldByGroup(
  { facts, owners, org, limit, consistency, call }: Inquiry,
  group: GroupId,
  cursor: string,
): Promise<Page> {
  mayAskAbout(org, call);
  const question = [org, "group", group];
  const after = readCursor(cursor, question);
  const [{ acls }, { groupIds: empty }] = await Promise.all([
    owners.grants.listAcls({ ...everyAcl, orgId: org, groupId: group }, call),
    owners.groups.findEmptyGroups({ orgId: org, groupIds: [group] }, call),
  ]);
  if (acls.length >= aclsMax) {
    throw new Fault("refused", `${aclsMax} ACLs or more name the group; lists are made for fewer`);
  }
  const behind = acls
    .filter(({ id }) => after === null || id > after)
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const page = behind.slice(0, limit).map(({ id, content }) => ({
    id,
    object: objectFromWire(present(content?.object, "object"), "object"),
  }));
  const { result, revision } = await facts.read(
    org,
    consistency,
    (organization): { entries: readonly Entry[] } | Needs => {
      const nowMs = Date.now();
      const missing: FactKey[] = [];
      const entries: Entry[] = [];
      const somebody = asSomebodyIn(group, organization);
      for (const { id, object } of page) {
        const reaching = reachingGrants({ org, object, nowMs }, organization);
        if (isNeeds(reaching)) {
          missing.push(...reaching.keys);
          continue;
        }
        refuseTooMany(reaching);
        const grant = reaching.grants.find(({ acl }) => (acl.id as string) === id);
        // Gone meanwhile, or of no effect.
        if (grant === undefined) continue;
        const all = heldGrants({ org, nowMs, principal: somebody.principal }, reaching, somebody.lookup);
        if (isNeeds(all)) throw new Error("a fact is missing that was not");
        const one = all.grants.find((each) => each.grant === grant);
        const holder = { kind: "group", id: group } as const;
        const entry =
          one === undefined
            ? {
                holder,
                grant,
                object,
                paths: [],
                arePathsCut: false,
                marks: grant.isInForce ? [] : ["expired"],
              }
            : entryOf(one, holder, object);
        entries.push(empty.length > 0 ? { ...entry, marks: [...entry.marks, "empty_group"] } : entry);
      }
      return missing.length > 0 ? { kind: "needs", keys: missing } : { entries };
    },
    call,
  );
  const last = page.at(-1);
  return {
    entries: result.entries,
    cursor: behind.length > limit && last !== undefined ? cursorBehind(last.id, question) : "",
    everybody: [],
    revision,
  };
}

const everyAcl = {
  page: undefined,
  object: undefined,
  objectType: "",
  ids: [],
  principalId: "",
  permission: "",
  restrictObjectType: "",
  roleId: "",
};

/** Whom ACLs in force name. */
function subjectsOf(reaching: ReachingGrants): {
  readonly principals: ReadonlySet<PrincipalId>;
  readonly groups: ReadonlySet<GroupId>;
} {
  refuseTooMany(reaching);
  const principals = new Set<PrincipalId>();
  const groups = new Set<GroupId>();
  for (const { acl, isInForce } of reaching.grants) {
    if (!isInForce) continue;
    if (acl.subject.kind === "principal") principals.add(acl.subject.id);
    else groups.add(acl.subject.id);
  }
  if (groups.size > groupsMax) {
    throw new Fault("refused", `ACLs name ${groups.size} groups; lists are made for at most ${groupsMax}`);
  }
  return { principals, groups };
}

function refuseTooMany({ tooManyOn }: ReachingGrants): void {
  if (tooManyOn === null) return;
  const { type, id } = tooManyOn;
  throw new Fault(
    "refused",
    `the ${type} ${id} has more than ${aclsMax} ACLs; lists are made for at most so many`,
  );
}

/** Whether the same would have been asked of groups. */
function areSame(one: ReachingGrants, other: ReachingGrants): boolean {
  const textOf = ({ grants, tooManyOn }: ReachingGrants) =>
    `${tooManyOn?.id} ${grants.map(({ acl, isInForce }) => `${acl.id} ${isInForce}`).join()}`;
  return textOf(one) === textOf(other);
}

function thingsIn({ paths }: Entry): number {
  const sizes = paths.map((path) => path.groups.length + path.roles.length + path.objects.length + 3);
  return sizes.reduce((sum, size) => sum + size, 4);
}

function messageOf(
  { holder, grant, object, paths, arePathsCut, marks }: Entry,
  named: Name,
): HeldGrantMessage {
  const byType = Map.groupBy(grant.gives, ({ type }) => type);
  const permissionsOn = (type: string) =>
    [...byType]
      .filter(([each]) => each === type)
      .flatMap(([, those]) => those.map((each) => each.permission));
  return {
    holder: named(holder.kind, holder.id),
    acl: aclMessage(grant, named),
    permissions: permissionsOn(object.type),
    below: [...byType.keys()]
      .filter((type) => type !== object.type)
      .map((type) => ({ type, permissions: permissionsOn(type) })),
    paths: paths.map((path) => pathMessage(path, named)),
    pathsCut: arePathsCut,
    marks: [...marks],
  };
}
