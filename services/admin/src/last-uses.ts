import { administration, organizationFace } from "@portcullis/policy";
import type { Access } from "./access.ts";
import type { Caller } from "./caller.ts";
import type { Owners } from "./owners.ts";
import { timeText } from "./wire.ts";

const principalsMax = 1000;

/** When members used a credential last, by their ids; without those who never did. */
export async function lastUses(
  tokens: Owners["tokens"],
  principalIds: readonly string[],
  caller: Caller,
): Promise<ReadonlyMap<string, string | null>> {
  const found = new Map<string, string | null>();
  const distinct = [...new Set(principalIds)];
  for (let from = 0; from < distinct.length; from += principalsMax) {
    const { uses } = await tokens.listLastUses(
      { orgId: caller.org, principalIds: distinct.slice(from, from + principalsMax) },
      caller.hop,
    );
    for (const { principalId, at } of uses) found.set(principalId, timeText(at));
  }
  return found;
}

/** Those of them that the caller may be told about: itself, and everybody if it may ask what everybody may do. */
export async function visibleLastUses(
  { tokens, access }: { readonly tokens: Owners["tokens"]; readonly access: Access },
  principalIds: readonly string[],
  caller: Caller,
): Promise<ReadonlyMap<string, string | null>> {
  const { permission, face } = administration["access.ask_all"];
  const [all] = await access.allowed(caller, permission, [organizationFace(face, caller.org)]);
  const visible = principalIds.filter((id) => all === true || id === caller.principal);
  return lastUses(tokens, visible, caller);
}
