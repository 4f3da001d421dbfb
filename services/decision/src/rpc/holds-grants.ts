import { invalid } from "@portcullis/chassis/fault";
import { list, present, uuid, word } from "@portcullis/chassis/fields";
import type { Call } from "@portcullis/chassis/rpc/call";
import {
  consistencyFromWire,
  mayAskAbout,
  type Principal,
  type PrincipalOf,
  whoFromWire,
} from "@portcullis/checks";
import type { FactReader, Facts } from "@portcullis/facts";
import { objectFromWire, objectTypeFromWire } from "@portcullis/facts/wire";
import {
  decideHandingOn,
  type FactKey,
  type HandingOn,
  isNeeds,
  type Needs,
  permissions,
} from "@portcullis/policy";
import type {
  HoldsGrantsRequest,
  HoldsGrantsResponse,
  WouldBeAcl,
} from "@portcullis/proto/decision/v1/decision";

const aclsMax = 1000;

/** All are decided at one moment. */
export async function holdsGrants(
  facts: FactReader,
  principalOf: PrincipalOf,
  request: HoldsGrantsRequest,
  call: Call,
): Promise<HoldsGrantsResponse> {
  const who = principalOf(whoFromWire(request));
  mayAskAbout(who.org, call);
  if (request.acls.length === 0) throw invalid("acls", "must not be empty");
  const acls = list(request.acls, "acls", aclsMax).map((acl, index) => aclFromWire(acl, `acls[${index}]`));
  const { result, revision } = await facts.read(
    who.org,
    consistencyFromWire(request.consistency, who.org),
    (organization) => decideAll(who, acls, organization),
    call,
  );
  return { held: [...result.held], revision };
}

type WouldBe = Pick<HandingOn, "object" | "grant" | "expiresAtMs">;

function aclFromWire({ object, grant, restrictObjectType, expiresAt }: WouldBeAcl, field: string): WouldBe {
  const given = present(grant, `${field}.grant`);
  if (given.$case === "roleId" && restrictObjectType !== "") {
    throw invalid(`${field}.restrict_object_type`, "can only stand beside a permission");
  }
  return {
    object: objectFromWire(present(object, `${field}.object`), `${field}.object`),
    grant:
      given.$case === "roleId"
        ? { kind: "role", id: uuid(given.value, `${field}.role_id`) }
        : {
            kind: "permission",
            permission: word(given.value, `${field}.permission`, permissions),
            restrictObjectType:
              restrictObjectType === ""
                ? null
                : objectTypeFromWire(restrictObjectType, `${field}.restrict_object_type`),
          },
    expiresAtMs: expiresAt?.getTime() ?? null,
  };
}

function decideAll(
  who: Principal,
  acls: readonly WouldBe[],
  facts: Facts,
): { readonly held: readonly boolean[] } | Needs {
  const asked = who.find(facts);
  if (isNeeds(asked)) return asked;
  const { principal, scope } = asked;
  const nowMs = Date.now();
  const missing: FactKey[] = [];
  const held = acls.map((acl) => {
    const decided = decideHandingOn({ org: who.org, principal, nowMs, ...acl }, scope, facts);
    if (decided.kind === "decided") return decided.isHeld;
    missing.push(...decided.keys);
    return false;
  });
  return missing.length > 0 ? { kind: "needs", keys: missing } : { held };
}
