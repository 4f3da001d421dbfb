/** A small world in which things happen in any order. States are plain data. */
export interface Model<State> {
  readonly initial: State;
  /** Everything that may happen next. */
  next(state: State): Iterable<readonly [happening: string, State]>;
  /** What is wrong in a state, if anything. */
  wrong(state: State): string | null;
}

export interface Exploration {
  readonly states: number;
  readonly wrong: string | null;
  /** The shortest way to what is wrong. */
  readonly path: readonly string[];
}

/** Visits every state that can be reached, nearest first, and stops at the first wrong one. */
export function explore<State>(model: Model<State>, statesMax = 2_000_000): Exploration {
  const states: State[] = [model.initial];
  const cameFrom: number[] = [-1];
  const happenings: string[] = [""];
  const known = new Set([JSON.stringify(model.initial)]);
  const pathTo = (index: number): string[] => {
    const path = [];
    for (let at = index; at > 0; at = cameFrom[at] ?? 0) path.push(happenings[at] ?? "");
    return path.reverse();
  };
  for (const [index, state] of states.entries()) {
    const wrong = model.wrong(state);
    if (wrong !== null) return { states: known.size, wrong, path: pathTo(index) };
    for (const [happening, following] of model.next(state)) {
      const name = JSON.stringify(following);
      if (known.has(name)) continue;
      known.add(name);
      states.push(following);
      cameFrom.push(index);
      happenings.push(happening);
      if (known.size > statesMax) throw new Error(`more than ${statesMax} states`);
    }
  }
  return { states: known.size, wrong: null, path: [] };
}
