/** A line of text, with what hangs on it. */
export interface Branch {
  readonly text: string;
  readonly branches: readonly Branch[];
}

/** Draws what hangs on each line below it. */
export function treeText(root: Branch): string {
  return [root.text, ...linesBelow(root)].join("\n");
}

function linesBelow({ branches }: Branch): readonly string[] {
  return branches.flatMap((branch, index) => {
    const isLast = index === branches.length - 1;
    const indent = isLast ? "   " : "│  ";
    return [
      `${isLast ? "└─ " : "├─ "}${branch.text}`,
      ...linesBelow(branch).map((line) => `${indent}${line}`),
    ];
  });
}

/** One tree of ways that begin alike: what they have in common stands once. */
export function grown(text: string, ways: readonly (readonly string[])[]): Branch {
  const byFirst = Map.groupBy(
    ways.filter((way) => way.length > 0),
    ([first]) => first ?? "",
  );
  const branches = [...byFirst].map(([first, those]) =>
    grown(
      first,
      those.map((way) => way.slice(1)),
    ),
  );
  return { text, branches };
}
