/** What a person sees while it works: a line for each step that is done, with how long it took. */
export class Progress {
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  async step<T>(
    title: string,
    work: () => Promise<T>,
    describe: (result: T) => string = () => title,
  ): Promise<T> {
    const started = performance.now();
    // Where nobody watches a line change, the end of a step is all that is worth a line.
    if (this.#out.isTTY) this.#out.write(`… ${title}`);
    try {
      const result = await work();
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      this.#clear();
      this.#out.write(`✓ ${describe(result)} (${seconds} s)\n`);
      return result;
    } catch (error) {
      this.#clear();
      throw error;
    }
  }

  /** News from a step that is under way, or from what runs already. */
  tell(news: string): void {
    this.#clear();
    this.#out.write(`· ${news}\n`);
  }

  #clear(): void {
    if (this.#out.isTTY) this.#out.write("\r\u001b[2K");
  }
}
