import type { GroupSummary } from "../../api/groups.ts";

/** A group, all that lie in it, and all in which it lies. */
export function relatedTo(id: string, groups: readonly GroupSummary[]): ReadonlySet<string> {
  const inner = new Map(groups.map((group) => [group.id, group.member_group_ids]));
  const outer = new Map<string, string[]>();
  for (const group of groups) {
    for (const nested of group.member_group_ids) outer.set(nested, [...(outer.get(nested) ?? []), group.id]);
  }
  return new Set([...reached(id, inner), ...reached(id, outer)]);
}

function reached(start: string, next: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set([start]);
  for (const id of found) for (const further of next.get(id) ?? []) found.add(further);
  return found;
}
