// Answers that go on, as Server-Sent Events.

import { Fault } from "@portcullis/chassis/fault";
import { problemOf } from "./problem.ts";

/** What a client resumes behind, and what it is told; null: only that there is nothing new. */
export interface SentEvent<Data> {
  readonly id: string;
  readonly data: Data | null;
}

/** Events without end, sent as fast as they are taken. */
export class EventStream<Data = unknown> {
  readonly #events: AsyncIterator<SentEvent<Data>>;
  readonly #first: IteratorResult<SentEvent<Data>>;
  readonly #over: AbortController;

  private constructor(
    events: AsyncIterator<SentEvent<Data>>,
    first: IteratorResult<SentEvent<Data>>,
    over: AbortController,
  ) {
    this.#events = events;
    this.#first = first;
    this.#over = over;
  }

  /** Waits for the first event, so that what is refused at once is refused like every request. */
  static async open<Data>(
    begin: (over: AbortSignal) => AsyncIterable<SentEvent<Data>>,
  ): Promise<EventStream<Data>> {
    const over = new AbortController();
    const events = begin(over.signal)[Symbol.asyncIterator]();
    return new EventStream(events, await events.next(), over);
  }

  /** Lets the client know that it must connect again, and ends. */
  end(): void {
    this.#over.abort();
  }

  /** The text of the events, at last that of the problem that ended them. */
  async *text(requestId: string): AsyncGenerator<string, void, undefined> {
    try {
      for (let next = this.#first; next.done !== true; next = await this.#events.next()) {
        yield textOf(next.value);
      }
    } catch (thrown) {
      const reason = this.#over.signal.aborted ? stopping() : thrown;
      yield `event: problem\ndata: ${JSON.stringify(problemOf(reason, requestId).body)}\n\n`;
    }
  }
}

function textOf({ id, data }: SentEvent<unknown>): string {
  return data === null ? `id: ${id}\n\n` : `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

function stopping(): Fault {
  return new Fault("unavailable", "the server is stopping; connect again", { retryAfterMs: 1000 });
}
