// Calls that go on: many questions, many answers, or both. Such a call may live for hours, so it has no time limit but
// its caller's deadline; instead its caller is asked again and again who it is.

import { type ServerDuplexStream, type ServerWritableStream, status } from "@grpc/grpc-js";
import { Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import type { Call } from "./call.ts";
import { countsOf } from "./counts.ts";
import { type Gate, RunningCall, report } from "./running-call.ts";
import { codeOf, toServiceError } from "./status.ts";

/** A call with many answers. */
export interface Answering<Response> extends Call {
  /** Aborted when the server is about to stop: say what is ready, and end. */
  readonly closing: AbortSignal;
  /** Sends these in order. Whoever waits for it before it makes more never fills the memory. Fails once the call is over. */
  send(messages: readonly Response[]): Promise<void>;
}

/** A call with many questions and many answers. */
export interface Conversation<Request, Response> extends Answering<Response> {
  /** What has come in and was not yet received, at least one and at most this many; null when no more will come. */
  receive(most: number): Promise<readonly Request[] | null>;
}

/** How often a caller with a credential of its own is asked again who it is. */
const reverifyEveryMs = 250;
/** How many questions wait unread in memory. More wait in the connection, and with the client. */
const unreadMax = 64;

type Duplex = ServerDuplexStream<unknown, unknown>;
type Writable = ServerWritableStream<unknown, unknown>;

/** What all streaming calls of a server share. */
export interface Surroundings {
  readonly path: string;
  readonly gate: Gate;
  readonly log: Log;
  readonly closing: AbortSignal;
}

export function conversing(
  handler: (conversation: Conversation<unknown, unknown>) => Promise<void>,
  surroundings: Surroundings,
) {
  return (stream: Duplex): void => {
    const call = new OpenConversation(stream, surroundings.closing);
    void run(stream, call, surroundings, () => handler(call));
  };
}

export function answering(
  handler: (request: unknown, call: Answering<unknown>) => Promise<void>,
  surroundings: Surroundings,
) {
  return (stream: Writable): void => {
    const call = new OpenCall(stream, surroundings.closing);
    void run(stream, call, surroundings, () => handler(stream.request, call));
  };
}

/** Runs the handler for as long as the caller is who it was; then ends the call, whatever happened. */
async function run(
  stream: Duplex | Writable,
  call: OpenCall,
  { path, gate, log, closing }: Surroundings,
  handle: () => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const counts = countsOf(path);
  counts.opened();
  let code = status.OK;
  try {
    if (closing.aborted) throw stopping();
    call.caller = await gate(stream.metadata, call);
    if (call.caller.kind === "other") {
      timer = setInterval(() => {
        // In a function of its own, as the gate may throw at once.
        const verified = async () => gate(stream.metadata, call);
        verified().catch((thrown: unknown) => call.end(thrown));
      }, reverifyEveryMs);
    }
    await Promise.race([handle(), call.ended]);
    if (closing.aborted) throw stopping();
    if (!stream.destroyed) stream.end();
  } catch (thrown) {
    code = call.isGone ? status.CANCELLED : codeOf(thrown);
    if (!call.isGone) {
      report(thrown, path, call.requestId, log);
      stream.emit("error", toServiceError(thrown));
    }
  } finally {
    clearInterval(timer);
    counts.closed(code);
    call.end(new Fault("cancelled", "the call is over"));
  }
}

function stopping(): Fault {
  return new Fault("unavailable", "the server is stopping; ask again", { retryAfterMs: 1000 });
}

class OpenCall extends RunningCall implements Answering<unknown> {
  readonly closing: AbortSignal;
  /** Rejects when the call must not go on. */
  readonly ended: Promise<never>;
  readonly #stream: Duplex | Writable;
  readonly #rejectEnded: (thrown: unknown) => void;
  /** Whoever waits for something that the end of the call would keep from coming. */
  readonly #waiting = new Set<(thrown: unknown) => void>();
  #isOver = false;
  #draining: Promise<void> | null = null;

  constructor(stream: Duplex | Writable, closing: AbortSignal) {
    super(stream);
    this.#stream = stream;
    this.closing = closing;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined); // it may end while nobody waits
    this.ended = promise;
    this.#rejectEnded = reject;
    stream.once("cancelled", () => this.end(new Fault("cancelled", "the caller went away")));
  }

  /** The caller has gone away, so nobody is there to be told. */
  get isGone(): boolean {
    return this.#stream.cancelled || this.#stream.destroyed;
  }

  end(thrown: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#rejectEnded(thrown);
    for (const reject of this.#waiting) reject(thrown);
    this.#waiting.clear();
    this.abort(thrown);
  }

  /**
   * Waits until what it registers is called, or the call ends. To race each time against the one promise of the end
   * would gather memory for as long as the call lives.
   */
  protected until(register: (resolve: () => void) => void): Promise<void> {
    if (this.#isOver) return this.ended;
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      register(() => {
        this.#waiting.delete(reject);
        resolve();
      });
    });
  }

  async send(messages: readonly unknown[]): Promise<void> {
    for (const message of messages) {
      if (this.#isOver || this.isGone) throw new Fault("cancelled", "the call is over");
      if (!this.#stream.write(message)) await this.#drained();
    }
  }

  /** All that wait for room wait for the same event, with one listener. */
  #drained(): Promise<void> {
    this.#draining ??= this.until((resolve) => {
      this.#stream.once("drain", () => {
        this.#draining = null;
        resolve();
      });
    });
    return this.#draining;
  }
}

class OpenConversation extends OpenCall implements Conversation<unknown, unknown> {
  readonly #duplex: Duplex;
  #unread: unknown[] = [];
  #isComplete = false;
  #isListening = false;
  #wake: (() => void) | null = null;

  constructor(stream: Duplex, closing: AbortSignal) {
    super(stream, closing);
    this.#duplex = stream;
  }

  async receive(most: number): Promise<readonly unknown[] | null> {
    this.#listen();
    while (this.#unread.length === 0) {
      if (this.#isComplete || this.closing.aborted) return null;
      await this.until((resolve) => {
        this.#wake = resolve;
        this.#duplex.resume();
      });
    }
    const received = this.#unread.slice(0, most);
    this.#unread = this.#unread.slice(most);
    return received;
  }

  /** Nothing is read before the caller is known and somebody asks. */
  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    const wake = () => {
      this.#wake?.();
      this.#wake = null;
    };
    this.#duplex.on("data", (message: unknown) => {
      this.#unread.push(message);
      if (this.#unread.length >= unreadMax) this.#duplex.pause();
      wake();
    });
    this.#duplex.once("end", () => {
      this.#isComplete = true;
      wake();
    });
    this.closing.addEventListener("abort", wake, { once: true });
    this.ended.catch(() => this.closing.removeEventListener("abort", wake));
  }
}
