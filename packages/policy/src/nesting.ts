// The shape that nested groups and nested roles must keep: no cycle, and no endless chain.

import { reachable } from "./closure.ts";

/** A chain of nested groups has at most so many links; a chain of nested roles holds at most so many roles. */
export const chainMax = 64;

type Next<Node> = (node: Node) => Iterable<Node>;

/** Whether a way leads from the node back to it. */
export function isOnCycle<Node>(node: Node, next: Next<Node>): boolean {
  return reachable(next(node), next).has(node);
}

/** How many links the longest chain from the node has; counts no further than just beyond `max`, also on a cycle. */
export function longestChain<Node>(node: Node, next: Next<Node>, max: number): number {
  let links = 0;
  let layer = layerBehind([node], next);
  while (layer.size > 0 && links <= max) {
    links += 1;
    layer = layerBehind(layer, next);
  }
  return links;
}

function layerBehind<Node>(layer: Iterable<Node>, next: Next<Node>): Set<Node> {
  const behind = new Set<Node>();
  for (const node of layer) for (const further of next(node)) behind.add(further);
  return behind;
}
