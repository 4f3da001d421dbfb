import type { EventEmitter } from "node:events";
import type { Deadline, Metadata } from "@grpc/grpc-js";
import { v7 as newUuid } from "uuid";
import { causeOf, Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import { serviceOf } from "../tls.ts";
import { within } from "../within.ts";
import { type Call, type Caller, isRequestId, requestIdKey } from "./call.ts";

/** Calls that bring no deadline get this one. */
export const longestCallMs = 10_000;

/** Says who calls; throws a Fault for nobody. */
export type Gate = (
  metadata: Metadata,
  hop: { readonly requestId: string; readonly peerService: string | null },
) => Caller | Promise<Caller>;

/** What all kinds of gRPC calls have. */
interface Surface extends EventEmitter {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Deadline;
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subjectaltname?: string } };
}

/** Until the caller is known. */
const nobody: Caller = { kind: "service", name: "" };

/** A call whose costlier parts are made only when somebody asks for them: most Checks ask for none. */
export class RunningCall implements Call {
  caller: Caller = nobody;
  /** In monotonic milliseconds. */
  readonly startedAt = performance.now();
  readonly #call: Surface;
  #requestId: string | null = null;
  #abort: AbortController | null = null;
  #deadlineMs: number | null | undefined;

  constructor(call: Surface) {
    this.#call = call;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get requestId(): string {
    if (this.#requestId === null) {
      const given = this.#call.metadata.get(requestIdKey)[0];
      this.#requestId = typeof given === "string" && isRequestId(given) ? given : newUuid();
    }
    return this.#requestId;
  }

  /** Which of our services calls, by its certificate; null: it shows none that names one. */
  get peerService(): string | null {
    return serviceOf(this.#call.getAuthContext().sslPeerCertificate);
  }

  get deadlineMs(): number {
    if (this.#deadlineMs === undefined) {
      const given = this.#call.getDeadline();
      const at = given instanceof Date ? given.getTime() : given;
      this.#deadlineMs = Number.isFinite(at) ? at : null;
    }
    return this.#deadlineMs ?? Date.now() + longestCallMs;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#call.cancelled) this.#abort.abort(new Fault("cancelled", "the caller went away"));
      this.#call.once("cancelled", () => this.#abort?.abort(new Fault("cancelled", "the caller went away")));
    }
    return this.#abort.signal;
  }

  /** It was answered. grpc-js calls every call cancelled in its end, and to tell would take longer than to decide. */
  answered(): void {
    this.#abort = null;
  }

  protected abort(reason: unknown): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(reason);
  }

  /** The result, or a timeout, whichever comes first. */
  within<T>(ms: number, result: Promise<T>): Promise<T> {
    return within(ms, result, () => {
      const timeout = new Fault("timeout", "the call took too long");
      this.#abort?.abort(timeout);
      return timeout;
    });
  }
}

/** Tells of a call that failed: bugs and missing parts loudly, refusals hardly. */
export function report(thrown: unknown, path: string, requestId: string, log: Log): void {
  if (!(thrown instanceof Fault)) log.error({ path, requestId, err: thrown }, "a call failed unexpectedly");
  else if (thrown.kind === "internal" || thrown.kind === "unavailable") {
    log.warn(
      { path, requestId, kind: thrown.kind, reason: thrown.message, cause: causeOf(thrown) },
      "a call failed",
    );
  } else log.debug({ path, requestId, kind: thrown.kind, reason: thrown.message }, "a call was refused");
}
