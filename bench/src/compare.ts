import { type Load, load, type Round, type Target } from "./h2load.ts";

/** How often, and who is told. */
export interface Rounds {
  readonly rounds: number;
  readonly tell: (line: string) => void;
}

/** Asks both in turns in the same run, after a warm-up of each. */
export function compare(
  ours: { readonly target: Target; readonly load: Load },
  reference: { readonly target: Target; readonly load: Load },
  rounds: Rounds,
): Promise<readonly { readonly ours: Round; readonly reference: Round }[]> {
  return inTurns(
    () => load(ours.target, ours.load),
    () => load(reference.target, reference.load),
    rounds,
  );
}

/** Measures both in turns (A B B A ...), after a warm-up of each. */
export async function inTurns<Ours, Reference>(
  measureOurs: () => Promise<Ours>,
  measureReference: () => Promise<Reference>,
  { rounds, tell }: Rounds,
): Promise<readonly { readonly ours: Ours; readonly reference: Reference }[]> {
  await measureOurs();
  await measureReference();
  const done: { ours: Ours; reference: Reference }[] = [];
  for (let round = 1; round <= rounds; round++) {
    // Who goes first changes, so that neither always follows the other.
    if (round % 2 === 1) {
      const first = await measureOurs();
      done.push({ ours: first, reference: await measureReference() });
    } else {
      const first = await measureReference();
      done.push({ ours: await measureOurs(), reference: first });
    }
    tell(`round ${round} of ${rounds}`);
  }
  return done;
}
