import { cursorBehind, readCursor } from "@portcullis/chassis/cursor";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { Stub } from "@portcullis/chassis/rpc/client";
import {
  consistencyFromWire,
  mayAskAbout,
  type Principal,
  type PrincipalOf,
  pageLimitFromWire,
  permissionFromWire,
  whoFromWire,
} from "@portcullis/checks";
import type { FactReader, Facts } from "@portcullis/facts";
import { objectFromWire, objectTypeFromWire } from "@portcullis/facts/wire";
import {
  decideWithin,
  type FactKey,
  type GroupId,
  type GroupIndex,
  isNeeds,
  letsThrough,
  type Needs,
  type ObjectId,
  type ObjectRef,
  type ObjectType,
  type OrgId,
  objectTypeRow,
  occursAtOrBelow,
  type Permission,
  type PrincipalId,
  type Scope,
} from "@portcullis/policy";
import type { ListObjectsRequest, ListObjectsResponse } from "@portcullis/proto/decision/v1/decision";
import type { FindObjectsResponse, GrantsService } from "@portcullis/proto/grants/v1/grants";
import { agreed } from "../agreed.ts";

/** As many as grants looks for at once. */
const groupsMax = 10_000;

export async function listObjects(
  facts: FactReader,
  grants: Pick<Stub<typeof GrantsService>, "findObjects">,
  principalOf: PrincipalOf,
  request: ListObjectsRequest,
  call: Call,
): Promise<ListObjectsResponse> {
  const who = principalOf(whoFromWire(request));
  const permission = permissionFromWire(request.permission);
  const type = objectTypeFromWire(request.type, "type");
  const under = request.under === undefined ? null : objectFromWire(request.under, "under");
  if (under !== null && !occursAtOrBelow(type, under.type)) {
    throw invalid("under", `objects of type ${under.type} hold none of type ${type}`);
  }
  const limit = pageLimitFromWire(request.limit);
  const question = [who.org, permission, type, under?.type ?? "", under?.id ?? ""];
  const after = readCursor(request.cursor, question);
  mayAskAbout(who.org, call);
  const consistency = consistencyFromWire(request.consistency, who.org);
  const asked = { who, permission, type, under, after };
  if (isOneOfOrganization(type)) {
    const { result, revision } = await facts.read(who.org, consistency, theOnlyOne(asked), call);
    return { ids: [...result.ids], cursor: "", revision };
  }
  const { result, revision } = await agreed(
    facts,
    who.org,
    consistency,
    {
      evaluate: (organization) => holderOf(who, organization),
      // Who is no member has nothing, but is asked about in the same way: so nobody learns more by how long it takes.
      async find({ principal, isMember, groups }) {
        const response = await grants.findObjects(
          {
            orgId: who.org,
            principalId: principal,
            groupIds: isMember ? groupIdsOf(groups) : [],
            permission,
            type,
            under: under ?? undefined,
            after: after ?? "",
            limit,
          },
          call,
        );
        return { result: response, revision: response.revision };
      },
      isSame: isSameHolder,
      conclude({ isMember, live, scope }, found, organization) {
        const page = isMember ? pageFrom(found, live, asked, limit) : nothing;
        return scope === null ? page : pageWithin(scope, page, asked, organization);
      },
    },
    call,
  );
  const cursor = result.behind === null ? "" : cursorBehind(result.behind, question);
  return { ids: [...result.ids], cursor, revision };
}

interface Asked {
  readonly who: Principal;
  readonly permission: Permission;
  readonly type: ObjectType;
  readonly under: ObjectRef | null;
  readonly after: string | null;
}

interface Page {
  readonly ids: readonly string[];
  /** The id behind which the next page begins; null: there is none. */
  readonly behind: string | null;
}

const nothing: Page = { ids: [], behind: null };

/** What of a page a scope lets through. */
function pageWithin(
  scope: Scope,
  page: Page,
  { who: { org }, permission, type }: Asked,
  organization: Facts,
): Page | Needs {
  const missing: FactKey[] = [];
  const ids = page.ids.filter((id) => {
    const target = { kind: "object", object: { type, id: id as ObjectId } } as const;
    const isWithin = letsThrough(scope, { org, permission, target }, organization);
    if (typeof isWithin === "boolean") return isWithin;
    missing.push(...isWithin.keys);
    return false;
  });
  return missing.length > 0 ? { kind: "needs", keys: missing } : { ...page, ids };
}

/** Types of which an organisation has exactly one, named by its own id. */
function isOneOfOrganization(type: ObjectType): boolean {
  const { parent, idOf } = objectTypeRow(type);
  return parent === null || idOf === "organization";
}

/** Whether the one object of its type is in the list: a question like any other. */
function theOnlyOne({ who, permission, type, under, after }: Asked): (facts: Facts) => Page | Needs {
  return (organization) => {
    const holder = who.find(organization);
    if (isNeeds(holder)) return holder;
    const { org } = who;
    const object: ObjectRef = { type, id: org as string as ObjectId };
    const { principal, scope } = holder;
    const target = { kind: "object", object } as const;
    const decision = decideWithin(
      scope,
      { org, principal, permission, target, nowMs: Date.now() },
      organization,
    );
    if (decision.kind === "needs") return decision;
    const isAsked = after === null && (under === null || under.id === object.id);
    return decision.allowed && isAsked ? { ...nothing, ids: [org] } : nothing;
  };
}

/** Who asks, as far as grants has to know. */
interface Holder {
  readonly principal: PrincipalId;
  readonly isMember: boolean;
  readonly groups: ReadonlySet<string>;
  readonly live: GroupIndex;
  readonly scope: Scope | null;
}

function holderOf(who: Principal, facts: Facts): Holder | Needs {
  const found = who.find(facts);
  if (isNeeds(found)) return found;
  const { principal, scope } = found;
  const member = facts.member(principal);
  const memberships = facts.memberships(principal);
  const groups = facts.groups();
  // Grants' own facts have a part in it too: what they came after must have been seen.
  const roles = facts.roles();
  if (member === undefined || memberships === undefined || groups === undefined || roles === undefined) {
    return { kind: "needs", keys: factsOf(who.org, principal) };
  }
  const isMember = member !== null;
  return { principal, isMember, groups: groups.holding(memberships), live: groups, scope };
}

function factsOf(org: OrgId, principal: PrincipalId): Needs["keys"] {
  return [
    { kind: "member", org, principal },
    { kind: "memberships", org, principal },
    { kind: "groups", org },
    { kind: "roles", org },
  ];
}

function isSameHolder(one: Holder, other: Holder): boolean {
  return (
    one.principal === other.principal &&
    one.isMember === other.isMember &&
    one.groups.size === other.groups.size &&
    [...one.groups].every((group) => other.groups.has(group))
  );
}

function groupIdsOf(groups: ReadonlySet<string>): string[] {
  if (groups.size > groupsMax) {
    throw new Fault(
      "refused",
      `the principal is in ${groups.size} groups; lists are made for at most ${groupsMax}`,
    );
  }
  return [...groups];
}

/** Of groups, grants knows the ACLs and groups whether they live. */
function pageFrom(
  { ids, more, every }: FindObjectsResponse,
  live: GroupIndex,
  { type, under, after }: Asked,
  limit: number,
): Page {
  if (every) {
    const all: readonly string[] = under?.type === "group" ? [under.id] : live.ids();
    const ahead = all.filter((id) => isLive(id, live) && (after === null || id > after)).toSorted();
    return pageOf(ahead.slice(0, limit), ahead.length > limit);
  }
  const page = pageOf(ids, more);
  return type === "group" ? { ...page, ids: ids.filter((id) => isLive(id, live)) } : page;
}

function isLive(id: string, live: GroupIndex): boolean {
  return live.has(id as GroupId);
}

function pageOf(ids: readonly string[], more: boolean): Page {
  return { ids, behind: more ? (ids.at(-1) ?? null) : null };
}
