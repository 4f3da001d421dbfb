import { present } from "@portcullis/chassis/fields";
import type { FactReader } from "@portcullis/facts";
import { objectFromWire } from "@portcullis/facts/wire";
import { isNeeds, type Needs, type PermissionsDecided, permissionsWithin } from "@portcullis/policy";
import type { PermissionsRequest, PermissionsResponse } from "@portcullis/proto/decision/v1/decision";
import { type Asking, mayAskAbout } from "./callers.ts";
import type { PrincipalOf } from "./principal.ts";
import { consistencyFromWire, whoFromWire } from "./wire.ts";

export async function permissions(
  facts: FactReader,
  principalOf: PrincipalOf,
  request: PermissionsRequest,
  call: Asking,
): Promise<PermissionsResponse> {
  const who = principalOf(whoFromWire(request));
  const object = objectFromWire(present(request.object, "object"), "object");
  mayAskAbout(who.org, call);
  const { result, revision } = await facts.read(
    who.org,
    consistencyFromWire(request.consistency, who.org),
    (organization): PermissionsDecided | Needs => {
      const asked = who.find(organization);
      if (isNeeds(asked)) return asked;
      const { principal, scope } = asked;
      const target = { kind: "object", object } as const;
      return permissionsWithin(scope, { org: who.org, principal, target, nowMs: Date.now() }, organization);
    },
    call,
  );
  return { permissions: [...result.permissions], revision };
}
