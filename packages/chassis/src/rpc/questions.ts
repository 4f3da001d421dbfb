// Questions over one stream: a message each way, where a call for each takes either side about five times as long.

import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { Fault } from "../fault.ts";
import { within } from "../within.ts";
import { fromServiceError } from "./status.ts";

/** A question, and its answer, which comes back under the same id. */
export interface Numbered {
  readonly id: number;
}

/** After so long the next question goes over a new stream, so that of several processes of a peer each gets its share. */
const streamMsDefault = 10_000;

/** Questions to one peer. The stream is opened by the first, and again by the next one when it has ended. */
export class Questions<Request extends Numbered, Response extends Numbered> implements Disposable {
  readonly #open: () => ClientDuplexStream<Request, Response>;
  readonly #peer: string;
  readonly #streamMs: number;
  #talk: Talk<Request, Response> | null = null;

  constructor(
    open: () => ClientDuplexStream<Request, Response>,
    peer: string,
    streamMs: number = streamMsDefault,
  ) {
    this.#open = open;
    this.#peer = peer;
    this.#streamMs = streamMs;
  }

  /**
   * Throws `timeout` when there is no answer by then; and whatever ends the stream before there is one, so that it is not
   * known whether the question has come.
   */
  ask(question: (id: number) => Request, withinMs: number): Promise<Response> {
    let talk = this.#talk;
    if (talk === null || talk.isOver || talk.ageMs >= this.#streamMs) {
      talk?.finish();
      talk = new Talk(this.#open(), this.#peer);
      this.#talk = talk;
    }
    return talk.ask(question, withinMs);
  }

  [Symbol.dispose](): void {
    this.#talk?.cancel();
  }
}

interface Waiting<Response> {
  readonly resolve: (response: Response) => void;
  readonly reject: (fault: Fault) => void;
}

/** One stream. */
class Talk<Request extends Numbered, Response extends Numbered> {
  readonly #stream: ClientDuplexStream<Request, Response>;
  readonly #peer: string;
  readonly #openedAt = performance.now();
  readonly #waiting = new Map<number, Waiting<Response>>();
  #lastId = 0;
  /** When the peer answered last. */
  #heardAt = 0;
  isOver = false;

  constructor(stream: ClientDuplexStream<Request, Response>, peer: string) {
    this.#stream = stream;
    this.#peer = peer;
    stream.on("data", (response: Response) => {
      this.#heardAt = performance.now();
      this.#waiting.get(response.id)?.resolve(response);
      this.#waiting.delete(response.id);
    });
    stream.on("error", (error: ServiceError) => this.#end(fromServiceError(error, peer)));
    stream.on("end", () => this.#end(new Fault("unavailable", `${peer} is not available`)));
  }

  get ageMs(): number {
    return performance.now() - this.#openedAt;
  }

  ask(question: (id: number) => Request, withinMs: number): Promise<Response> {
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.#waiting.set(id, { resolve, reject });
    this.#stream.write(question(id));
    const askedAt = performance.now();
    return within(withinMs, promise, () => {
      this.#waiting.delete(id);
      // Who has answered nobody since may be frozen, and the others that wait need not find out one by one.
      if (this.#heardAt < askedAt) this.cancel();
      return new Fault("timeout", `${this.#peer} does not answer`);
    });
  }

  /** Asks no more; what was asked is still answered. */
  finish(): void {
    if (!this.isOver) this.#stream.end();
  }

  cancel(): void {
    this.isOver = true;
    this.#stream.cancel();
  }

  #end(fault: Fault): void {
    this.isOver = true;
    for (const { reject } of this.#waiting.values()) reject(fault);
    this.#waiting.clear();
  }
}
