// Who would gain and lose what: decision is asked, nothing is done.

import { Fault } from "@portcullis/chassis/fault";
import { z } from "zod";
import type { Rest } from "../rest.ts";
import { objectType, permission } from "../shapes.ts";
import type { ProposedChange } from "./proposal.ts";

const simulated = z.looseObject({
  differences: z.array(
    z.object({
      principal_id: z.string(),
      object: z.object({ type: objectType, id: z.string() }),
      gained: z.array(permission),
      lost: z.array(permission),
    }),
  ),
  cut_off: z.array(z.string()),
});
export type Simulated = z.infer<typeof simulated>;

/** As many changes as can be simulated at once. */
export const changesMax = 100;

export async function simulate(rest: Rest, changes: readonly ProposedChange[]): Promise<Simulated> {
  if (changes.length === 0) return { differences: [], cut_off: [] };
  try {
    return (await rest.send(simulated, "POST", "/v1/access/simulate", { changes })).body;
  } catch (error) {
    if (!(error instanceof Fault) || (error.kind !== "refused" && error.kind !== "invalid")) throw error;
    // Which of the changes it is says what the reason is about.
    const index = Number(/^changes\[(\d+)\]/.exec(error.message)?.[1]);
    const reason = error.message.replace(/^[^:]*: /, "");
    const about = changes[index] === undefined ? "" : ` (${JSON.stringify(changes[index])})`;
    throw new Fault(error.kind, `the plan would be refused: ${reason}${about}`, { cause: error });
  }
}
