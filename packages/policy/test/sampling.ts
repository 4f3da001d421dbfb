import { env } from "node:process";

/**
 * How many worlds a property looks at, and from which seed. PORTCULLIS_SEED repeats a run (each prints its seed);
 * PORTCULLIS_WORLDS asks for more or fewer worlds.
 */
export function sampling({ numRuns }: { readonly numRuns: number }): {
  readonly seed: number;
  readonly numRuns: number;
} {
  return {
    seed: env.PORTCULLIS_SEED === undefined ? Date.now() % 2_147_483_647 : Number(env.PORTCULLIS_SEED),
    numRuns: env.PORTCULLIS_WORLDS === undefined ? numRuns : Number(env.PORTCULLIS_WORLDS),
  };
}
