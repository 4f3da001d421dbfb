// What has changed since somebody looked, and what is still to be done in spite of it.

import { systemRoles } from "@portcullis/policy";
import { type Access, type Atom, atomName, isInForce, isSameAtom } from "./atom.ts";
import { type Difference, differenceOf, namesThatDiffer } from "./difference.ts";

/**
 * What others have changed between `base` and `current`. What has come to be as `target` wants it is none of it: of an
 * application that broke off, that is the part which was done.
 */
export function driftOf(
  { base, current, target }: { readonly base: Access; readonly current: Access; readonly target: Access },
  nowMs: number,
): Difference {
  const others = namesThatDiffer(base, current).filter((name) => {
    const [before, now] = [base.get(name), current.get(name)];
    if (isSameAtom(now, target.get(name))) return false;
    if (now === undefined && before !== undefined && !isInForce(before, nowMs)) return false;
    return !(before === undefined && now !== undefined && isCreatorsGrant(now, { base, target }));
  });
  const of = (access: Access) => new Map(others.flatMap((name) => entryOf(access, name)));
  return differenceOf(of(base), of(current));
}

/** Does to `current` what leads from `base` to `target`, and leaves all else as it is. */
export function merged({
  base,
  current,
  target,
}: {
  readonly base: Access;
  readonly current: Access;
  readonly target: Access;
}): Map<string, Atom> {
  const result = new Map(current);
  for (const name of namesThatDiffer(base, target)) {
    const wanted = target.get(name);
    if (wanted === undefined) result.delete(name);
    else result.set(name, wanted);
  }
  return result;
}

/** What the system itself grants to whoever makes a group or a role: it comes with what `target` wants made. */
export function isCreatorsGrant(
  atom: Atom,
  { base, target }: { readonly base: Access; readonly target: Access },
): boolean {
  if (atom.kind !== "acl" || atom.holder.kind !== "user") return false;
  if (!("role" in atom.grant) || atom.grant.role !== systemRoles.owner.name) return false;
  const { type, key } = atom.on;
  if (type !== "group" && type !== "role") return false;
  const made =
    type === "group"
      ? atomName({ kind: "group", group: key, description: "" })
      : atomName({ kind: "role", role: key, description: "" });
  return !base.has(made) && target.has(made);
}

function entryOf(access: Access, name: string): readonly (readonly [string, Atom])[] {
  const atom = access.get(name);
  return atom === undefined ? [] : [[name, atom]];
}
