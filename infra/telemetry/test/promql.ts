import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

/** What an expression reads: a metric, and the labels that it chooses, groups or joins by. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** Throws for what Prometheus could not read. */
export function selectorsOf(expr: string): Selector[] {
  const { topNode } = parser.parse(expr);
  const metrics: { readonly metric: string; readonly labels: string[] }[] = [];
  const groupings: string[] = [];
  const textOf = ({ from, to }: SyntaxNode) => expr.slice(from, to);
  topNode.cursor().iterate(({ type, node }) => {
    if (type.isError) throw new Error(`malformed: ${expr}`);
    if (type.name === "VectorSelector") metrics.push({ metric: "", labels: [] });
    if (type.name === "Identifier" && node.parent?.name === "VectorSelector") {
      const [last] = metrics.splice(-1);
      metrics.push({ metric: textOf(node), labels: last?.labels ?? [] });
    }
    if (type.name === "LabelName") {
      const isGrouping = isWithin(node, "GroupingLabels");
      (isGrouping ? groupings : (metrics.at(-1)?.labels ?? groupings)).push(textOf(node));
    }
  });
  return metrics.map(({ metric, labels }) => ({ metric, labels: [...labels, ...groupings] }));
}

function isWithin(node: SyntaxNode, name: string): boolean {
  for (let at: SyntaxNode | null = node; at !== null; at = at.parent) if (at.name === name) return true;
  return false;
}
