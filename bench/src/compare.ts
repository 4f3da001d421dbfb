import { type Load, load, type Round, type Target } from "./h2load.ts";

/** How often, and who is told. */
export interface Rounds {
  readonly rounds: number;
  readonly tell: (line: string) => void;
}

/** Asks both in turns (A B B A ...) in the same run, after a warm-up of each. */
export async function compare(
  ours: { readonly target: Target; readonly load: Load },
  reference: { readonly target: Target; readonly load: Load },
  { rounds, tell }: Rounds,
): Promise<readonly { readonly ours: Round; readonly reference: Round }[]> {
  for (const { target, load: wanted } of [ours, reference]) await load(target, wanted);
  const done: { ours: Round; reference: Round }[] = [];
  for (let round = 1; round <= rounds; round++) {
    // Who goes first changes, so that neither always follows the other.
    if (round % 2 === 1) {
      const first = await load(ours.target, ours.load);
      done.push({ ours: first, reference: await load(reference.target, reference.load) });
    } else {
      const first = await load(reference.target, reference.load);
      done.push({ ours: await load(ours.target, ours.load), reference: first });
    }
    tell(`round ${round} of ${rounds}`);
  }
  return done;
}
