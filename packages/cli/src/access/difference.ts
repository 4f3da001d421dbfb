import { type Access, type Atom, isSameAtom } from "./atom.ts";

/** What would have to be done to come from one access to another. */
export interface Difference {
  readonly removed: readonly Atom[];
  readonly added: readonly Atom[];
  /** Of the same name, but with another description or expiry. */
  readonly changed: readonly { readonly from: Atom; readonly to: Atom }[];
}

export function differenceOf(from: Access, to: Access): Difference {
  const removed = [...from].filter(([name]) => !to.has(name)).map(([, atom]) => atom);
  const added = [...to].filter(([name]) => !from.has(name)).map(([, atom]) => atom);
  const changed = [...from].flatMap(([name, atom]) => {
    const other = to.get(name);
    return other === undefined || isSameAtom(atom, other) ? [] : [{ from: atom, to: other }];
  });
  return { removed, added, changed };
}

export function isNone({ removed, added, changed }: Difference): boolean {
  return removed.length + added.length + changed.length === 0;
}

/** The atoms whose presence or details differ, by name. */
export function namesThatDiffer(one: Access, other: Access): readonly string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter(
    (name) => !isSameAtom(one.get(name), other.get(name)),
  );
}
