import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import { Fault } from "@portcullis/chassis/fault";
import { present, uuid } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import { consistencyFromWire, mayAskAbout, pageLimitFromWire, permissionFromWire } from "@portcullis/checks";
import type { FactReader, Facts } from "@portcullis/facts";
import { objectFromWire } from "@portcullis/facts/wire";
import {
  type Explanation,
  explain,
  type FactKey,
  isNeeds,
  type Needs,
  type ObjectRef,
  type OrgId,
  type Permission,
  type PrincipalId,
  type Subjects,
  subjectsOf,
} from "@portcullis/policy";
import type {
  ListPrincipalsRequest,
  ListPrincipalsResponse,
  Named,
  PermittedPrincipal,
} from "@portcullis/proto/decision/v1/decision";
import type { GroupsService } from "@portcullis/proto/groups/v1/groups";
import type { IdentityService } from "@portcullis/proto/identity/v1/identity";
import { agreed } from "../agreed.ts";
import { fillInNames, type NameOwners } from "../names.ts";
import { pathMessage } from "./explain.ts";

/** As many as grants reads of one object. */
const aclsMax = 10_000;
/** As many as groups looks into at once. */
const groupsMax = 10_000;
const pathsMax = 10;
/** Names cost their owners a look each, and a message has a size: a page ends when it speaks of so many things. */
const thingsMax = 10_000;

export interface PrincipalOwners extends NameOwners {
  readonly identity: NameOwners["identity"] & Pick<Stub<typeof IdentityService>, "findMembers">;
  readonly groups: NameOwners["groups"] & Pick<Stub<typeof GroupsService>, "findPrincipals">;
}

export async function listPrincipals(
  facts: FactReader,
  owners: PrincipalOwners,
  request: ListPrincipalsRequest,
  call: Call,
): Promise<ListPrincipalsResponse> {
  const org = uuid<OrgId>(request.orgId, "org_id");
  const object = objectFromWire(present(request.object, "object"), "object");
  const permission = permissionFromWire(request.permission);
  const limit = pageLimitFromWire(request.limit);
  const question = [org, object.type, object.id, permission];
  const after = readCursor(request.cursor, question);
  mayAskAbout(org, call);
  const asked = { org, object, permission, after, limit };
  const { result: page, revision } = await agreed(
    facts,
    org,
    consistencyFromWire(request.consistency, org),
    {
      evaluate: (organization) => subjectsOf({ org, permission, object, nowMs: Date.now() }, organization),
      find: (subjects) => findCandidates(owners, subjects, asked, call),
      isSame: areSame,
      conclude: (_, candidates, organization) => decideAbout(candidates, asked, organization),
    },
    call,
  );
  const things: Named[] = [];
  const principals = page.permitted.map((each) => messageOf(each, things));
  await fillInNames(things, org, owners, call);
  return { principals, cursor: page.behind === null ? "" : cursorBehind(page.behind, question), revision };
}

interface Asked {
  readonly org: OrgId;
  readonly object: ObjectRef;
  readonly permission: Permission;
  readonly after: string | null;
  readonly limit: number;
}

/** Whoever may turn out to have the permission, in the order of their ids. */
interface Candidates {
  readonly ids: readonly PrincipalId[];
  readonly more: boolean;
}

/** Members if everybody has it; else whom ACLs name, and whom the groups hold that ACLs name. */
async function findCandidates(owners: PrincipalOwners, subjects: Subjects, asked: Asked, call: Call) {
  const { org: orgId, after, limit } = asked;
  const page = { orgId, after: after ?? "", limit };
  if (subjects.tooManyOn !== null) {
    const { type, id } = subjects.tooManyOn;
    throw new Fault(
      "refused",
      `the ${type} ${id} has more than ${aclsMax} ACLs; lists are made for at most so many`,
    );
  }
  if (subjects.everybody) {
    const { principalIds, more, revision } = await owners.identity.findMembers(page, call);
    return { result: { ids: principalIds as PrincipalId[], more }, revision };
  }
  if (subjects.groups.size > groupsMax) {
    throw new Fault(
      "refused",
      `ACLs name ${subjects.groups.size} groups; lists are made for at most ${groupsMax}`,
    );
  }
  const groupIds = [...subjects.groups];
  const { principalIds, more, revision } = await owners.groups.findPrincipals({ ...page, groupIds }, call);
  const named = [...subjects.principals].filter((id) => after === null || (id as string) > after);
  const all = [...new Set([...principalIds, ...named])].toSorted() as PrincipalId[];
  // What lies behind the last of a page that is not the whole may be preceded by others.
  return { result: { ids: all.slice(0, limit), more: more || all.length > limit }, revision };
}

function areSame(one: Subjects, other: Subjects): boolean {
  return (
    one.everybody === other.everybody &&
    (one.tooManyOn === null) === (other.tooManyOn === null) &&
    isSameSet(one.principals, other.principals) &&
    isSameSet(one.groups, other.groups)
  );
}

function isSameSet<Item>(one: ReadonlySet<Item>, other: ReadonlySet<Item>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item));
}

interface Page {
  readonly permitted: readonly { readonly principal: PrincipalId; readonly explanation: Explanation }[];
  /** The id behind which the next page begins; null: there is none. */
  readonly behind: string | null;
}

/** Decides about each of them, and finds how they have it. */
function decideAbout(
  { ids, more }: Candidates,
  { org, object, permission }: Asked,
  facts: Facts,
): Page | Needs {
  const nowMs = Date.now();
  const missing: FactKey[] = [];
  const permitted: { principal: PrincipalId; explanation: Explanation }[] = [];
  let things = 0;
  for (const principal of ids) {
    const target = { kind: "object", object } as const;
    const explanation = explain({ org, principal, permission, target, nowMs }, facts);
    if (isNeeds(explanation)) {
      missing.push(...explanation.keys);
      continue;
    }
    if (!explanation.decision.allowed) continue;
    things += thingsIn(explanation);
    if (things > thingsMax && permitted.length > 0) {
      if (missing.length === 0) return { permitted, behind: permitted.at(-1)?.principal ?? null };
      break;
    }
    permitted.push({ principal, explanation });
  }
  if (missing.length > 0) return { kind: "needs", keys: missing };
  return { permitted, behind: more ? (ids.at(-1) ?? null) : null };
}

function thingsIn({ paths }: Explanation): number {
  const sizes = paths
    .slice(0, pathsMax)
    .map((path) => path.groups.length + path.roles.length + path.objects.length);
  return sizes.reduce((sum, size) => sum + size + 3, 1);
}

function messageOf(
  { principal, explanation }: Page["permitted"][number],
  things: Named[],
): PermittedPrincipal {
  const named = (type: string, id: string): Named => {
    const thing = { type, id, name: "" };
    things.push(thing);
    return thing;
  };
  const { decision, paths, arePathsCut } = explanation;
  return {
    principal: named("principal", principal),
    reason: decision.because === "public" ? "public" : "grant",
    paths: paths.slice(0, pathsMax).map((path) => pathMessage(path, named)),
    pathsCut: arePathsCut || paths.length > pathsMax,
  };
}
