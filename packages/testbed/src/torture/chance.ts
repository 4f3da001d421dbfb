import fc from "fast-check";

/** Choices that a seed decides. */
export class Chance {
  readonly #numbers: Iterator<number>;

  constructor(seed: number) {
    const [numbers] = fc.sample(fc.infiniteStream(fc.nat()), { seed, numRuns: 1 });
    if (numbers === undefined) throw new Error("no numbers");
    this.#numbers = numbers;
  }

  /** A whole number from 0 to one less than the limit. */
  below(limit: number): number {
    const next = this.#numbers.next();
    return Number(next.value) % limit;
  }

  /** All of them, in some order. */
  shuffled<Item>(items: readonly Item[]): Item[] {
    const left = [...items];
    return items.flatMap(() => left.splice(this.below(left.length), 1));
  }

  oneOf<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }
}
