/**
 * The streams of a session, in place of the Map that Node keeps them in, with what Node calls of it. A Map outgrows its
 * table every few calls, and V8 links each table to the next: once one is old, all later ones live as long as it does,
 * with the streams in them. What this outgrows refers to nothing that comes later.
 */
export class OpenStreams<Stream> {
  readonly #byId: Record<number, Stream> = {};
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#byId[id];
  }

  set(id: number, stream: Stream): this {
    if (!(id in this.#byId)) this.#size += 1;
    this.#byId[id] = stream;
    return this;
  }

  delete(id: number): boolean {
    if (!(id in this.#byId)) return false;
    this.#size -= 1;
    return delete this.#byId[id];
  }

  /** Streams may end meanwhile, as they do when all are destroyed. */
  forEach(tell: (stream: Stream) => void): void {
    for (const stream of Object.values(this.#byId)) tell(stream);
  }
}
