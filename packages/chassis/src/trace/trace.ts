// What is traced, if anything is: whoever does a piece of work says so here. Who traces is loaded only where somebody wants
// to see traces; everywhere else this is a look at a variable.

import { Fault } from "../fault.ts";

export interface Work {
  /** What a process is asked for begins here; what it asks of others is a part of that, or not traced. */
  readonly kind: "server" | "consumer" | "client";
  readonly name: string;
  /** Words of closed sets: no secret, and nothing about whom or what it is. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The work in another process that asked for this, as a W3C traceparent; null: none, or it is done in this process. */
  readonly parent: string | null;
}

/** A piece of work that has begun. */
export interface Span {
  /** Does this in its course: what is begun meanwhile is a part of it. */
  run<T>(does: () => T): T;
  set(attribute: string, value: string | number): void;
  /** The failure is the kind of one; null: it succeeded. */
  end(failure: string | null): void;
}

export interface Tracer {
  begin(work: Work): Span;
  /** The work that is being done, as a W3C traceparent; null: none that is traced. */
  traceparent(): string | null;
}

let tracer: Tracer | null = null;

/** Has all work traced that begins from now on. */
export function traceBy(one: Tracer): void {
  tracer = one;
}

/** Null: nothing is traced. It is settled before a process starts anything. */
export function currentTracer(): Tracer | null {
  return tracer;
}

/** The work that is being done, to hand on to another process; null: none that is traced. */
export function traceparent(): string | null {
  return tracer === null ? null : tracer.traceparent();
}

/** Does a piece of work that is traced, if anything is. */
export async function traced<T>(
  { parent = null, ...work }: Omit<Work, "parent"> & Partial<Pick<Work, "parent">>,
  does: () => Promise<T>,
): Promise<T> {
  if (tracer === null) return does();
  const span = tracer.begin({ ...work, parent });
  try {
    const result = await span.run(does);
    span.end(null);
    return result;
  } catch (thrown) {
    span.end(thrown instanceof Fault ? thrown.kind : "internal");
    throw thrown;
  }
}
