// The groups of an organisation, prepared once per fact, so that a decision does no closure work.

import type { BuiltInGroup } from "./catalog.ts";
import { reachable } from "./closure.ts";
import type { Groups, Memberships } from "./facts.ts";
import type { GroupId } from "./ids.ts";

export interface GroupIndex {
  /** Whether the group lives. */
  has(group: GroupId): boolean;
  /** All that live. */
  ids(): readonly GroupId[];
  /**
   * The live groups whose closure holds a principal with these memberships.
   * Remembered by the identity of `memberships`: hand in the fact itself, not a copy.
   */
  holding(memberships: Memberships): ReadonlySet<GroupId>;
  /** The live groups that name this one among their member groups. */
  directlyAround(group: GroupId): readonly GroupId[];
  builtIn(group: GroupId): BuiltInGroup | null;
}

/** How many group ids an index remembers in all; closures of deep nestings would otherwise fill the memory. */
const rememberedMax = 1_000_000;

export function indexGroups(groups: Groups): GroupIndex {
  const around = new Map<GroupId, GroupId[]>();
  for (const [group, { memberGroups }] of groups) {
    for (const member of memberGroups) {
      const others = around.get(member);
      if (others === undefined) around.set(member, [group]);
      else others.push(group);
    }
  }
  const directlyAround = (group: GroupId): readonly GroupId[] => around.get(group) ?? none;

  let closures = new WeakMap<Memberships, ReadonlySet<GroupId>>();
  let remembered = 0;
  return {
    has: (group) => groups.has(group),
    ids: () => [...groups.keys()],
    directlyAround,
    builtIn: (group) => groups.get(group)?.builtIn ?? null,
    holding(memberships) {
      const known = closures.get(memberships);
      if (known !== undefined) return known;
      const live = memberships.filter((group) => groups.has(group));
      const closure = reachable(live, directlyAround);
      if (remembered + closure.size > rememberedMax) {
        closures = new WeakMap();
        remembered = 0;
      }
      closures.set(memberships, closure);
      remembered += closure.size;
      return closure;
    },
  };
}

const none: readonly GroupId[] = [];

/** Whether a principal with these memberships is in the built-in group, directly or through nested groups. */
export function isInBuiltIn(name: BuiltInGroup, memberships: Memberships, groups: GroupIndex): boolean {
  for (const group of groups.holding(memberships)) {
    if (groups.builtIn(group) === name) return true;
  }
  return false;
}
