/** Something that stands in a {@link Recency}. Its links are its own: a table beside it took more memory than small facts. */
export interface Linked<T> {
  newer: T | null;
  older: T | null;
}

/** Things by when they were used, the one used last first. */
export class Recency<T extends Linked<T>> {
  #newest: T | null = null;
  #oldest: T | null = null;

  get oldest(): T | null {
    return this.#oldest;
  }

  /** Puts it first, wherever it stood. */
  use(one: T): void {
    if (this.#newest === one) return;
    this.remove(one);
    one.older = this.#newest;
    if (this.#newest !== null) this.#newest.newer = one;
    this.#newest = one;
    this.#oldest ??= one;
  }

  /** One that does not stand here is let be. */
  remove(one: T): void {
    const { newer, older } = one;
    if (newer !== null) newer.older = older;
    else if (this.#newest === one) this.#newest = older;
    if (older !== null) older.newer = newer;
    else if (this.#oldest === one) this.#oldest = newer;
    one.newer = null;
    one.older = null;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let one = this.#newest; one !== null; one = one.older) yield one;
  }
}
