// Where groups stand in their picture: nested ones in layers, those that stand alone in a block beside them.

import { Graph, layout } from "@dagrejs/dagre";
import type { GroupSummary } from "../../api/groups.ts";

export const nodeWidth = 170;
export const nodeHeight = 56;
const gap = 28;

interface Place {
  readonly x: number;
  readonly y: number;
}

export function placesOf(groups: readonly GroupSummary[]): ReadonlyMap<string, Place> {
  const known = new Set(groups.map((group) => group.id));
  const nestings = groups.flatMap((group) =>
    group.member_group_ids.filter((id) => known.has(id)).map((nested) => ({ nested, outer: group.id })),
  );
  const nested = new Set(nestings.flatMap(({ nested, outer }) => [nested, outer]));
  const graph = new Graph()
    .setGraph({ rankdir: "BT", nodesep: gap, ranksep: 60 })
    .setDefaultEdgeLabel(() => ({}));
  for (const id of nested) graph.setNode(id, { width: nodeWidth, height: nodeHeight });
  for (const { nested, outer } of nestings) graph.setEdge(nested, outer);
  layout(graph);
  const places = new Map<string, Place>();
  let bottom = -gap * 2;
  for (const id of nested) {
    const { x, y } = graph.node(id) as Place;
    places.set(id, { x: x - nodeWidth / 2, y: y - nodeHeight / 2 });
    bottom = Math.max(bottom, y + nodeHeight / 2);
  }
  const alone = groups.filter((group) => !nested.has(group.id));
  const columns = Math.max(3, Math.ceil(Math.sqrt(alone.length)));
  alone.forEach((group, index) => {
    places.set(group.id, {
      x: (index % columns) * (nodeWidth + gap),
      y: bottom + gap * 2 + Math.floor(index / columns) * (nodeHeight + gap),
    });
  });
  return places;
}
