// What tells one state of an object from another, and the request to change it only as long as it is in that state.

import { createHash } from "node:crypto";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Caller } from "./caller.ts";
import type { Heads } from "./owners.ts";

/** That a key was used is no change of it. */
const volatile: ReadonlySet<string> = new Set(["last_used_at"]);

export function weakEntityTag(body: unknown): string {
  const state = JSON.stringify(body, (key, value: unknown) => (volatile.has(key) ? undefined : value));
  return `W/"${createHash("sha256").update(state).digest("base64url").slice(0, 22)}"`;
}

/**
 * The caller, whose writes are refused from now on if anybody changes what they are about. To be asked before what stands
 * is looked at: what is changed in between is seen by the one or by the other.
 */
export async function fromNowOn(caller: Caller, heads: readonly Heads[]): Promise<Caller> {
  const answers = await Promise.all(
    heads.map(async ({ owner, facts }) => {
      const { positions, incarnation } = await facts.heads({ orgIds: [caller.org] }, caller.hop);
      return { orgId: caller.org, owner, position: positions[0] ?? 0, incarnation };
    }),
  );
  return { ...caller, context: { ...caller.context, unchangedSince: answers } };
}

/** Refuses unless what stands is in one of the states that the request names. */
export async function checkIfMatch(wanted: string, standing: (() => Promise<unknown>) | null): Promise<void> {
  if (standing === null) throw invalid("if-match", "is not supported here");
  const stands = await standing();
  const tag = stands === null ? null : weakEntityTag(stands);
  const named = wanted.split(",").map((one) => one.trim());
  const matches = tag !== null && named.some((one) => one === "*" || withoutWeak(one) === withoutWeak(tag));
  if (!matches) throw new Fault("conflict", "somebody else changed it meanwhile");
}

/** Proxies make tags weak, and weak ones strong. */
function withoutWeak(tag: string): string {
  return tag.replace(/^W\//, "");
}
