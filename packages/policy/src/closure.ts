// Reachability, for groups and for roles. Linear, without recursion, and indifferent to cycles: writes refuse them,
// but a decision must not hang on one that got in.

/** All that can be reached from `starts`, these included, nearest first. */
export function reachable<Node>(starts: Iterable<Node>, next: (node: Node) => Iterable<Node>): Set<Node> {
  const met = new Set(starts);
  // A set also visits what is added to it while it is being visited.
  for (const node of met) {
    for (const further of next(node)) met.add(further);
  }
  return met;
}

/** A shortest way from one of `starts` to a node that is a goal, both ends included; null if there is none. */
export function shortestPath<Node>(
  starts: Iterable<Node>,
  next: (node: Node) => Iterable<Node>,
  isGoal: (node: Node) => boolean,
): Node[] | null {
  const metFrom = new Map<Node, Node | null>();
  for (const start of starts) metFrom.set(start, null);
  for (const node of metFrom.keys()) {
    if (isGoal(node)) return wayTo(node, metFrom);
    for (const further of next(node)) {
      if (!metFrom.has(further)) metFrom.set(further, node);
    }
  }
  return null;
}

/** The shortest ways from one node, itself included, to whatever can be reached from it; null for what can't. */
export function waysFrom<Node>(
  start: Node,
  next: (node: Node) => Iterable<Node>,
): (goal: Node) => Node[] | null {
  const metFrom = new Map<Node, Node | null>([[start, null]]);
  for (const node of metFrom.keys()) {
    for (const further of next(node)) {
      if (!metFrom.has(further)) metFrom.set(further, node);
    }
  }
  return (goal) => (metFrom.has(goal) ? wayTo(goal, metFrom) : null);
}

function wayTo<Node>(goal: Node, metFrom: ReadonlyMap<Node, Node | null>): Node[] {
  const way = [];
  for (let node: Node | null = goal; node !== null; node = metFrom.get(node) ?? null) way.push(node);
  return way.reverse();
}
