import type { Metadata, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { currentTracer, traced } from "../trace/trace.ts";

export const traceparentKey = "traceparent";

type Answering = (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) => void;

/**
 * The same; traced, where its caller traces it. What services ask each other by themselves, again and again, is a part of
 * nothing, and callers outside know best what they want to follow.
 */
export function tracedAnswering(path: string, answering: Answering): Answering {
  const tracer = currentTracer();
  if (tracer === null) return answering;
  const attributes = attributesOf(path);
  return (call, answer) => {
    const parent = parentOf(call.metadata);
    if (parent === null) {
      answering(call, answer);
      return;
    }
    const span = tracer.begin({ kind: "server", name: path.slice(1), attributes, parent });
    const tell: sendUnaryData<unknown> = (error, ...more) => {
      span.end(error === null ? null : (status[error.code ?? status.UNKNOWN] ?? "UNKNOWN"));
      answer(error, ...more);
    };
    span.run(() => answering(call, tell));
  };
}

/** The same; traced, where anything is. */
export function tracedAsking<Args extends unknown[], T>(
  path: string,
  ask: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  if (currentTracer() === null) return ask;
  const work = { kind: "client", name: path.slice(1), attributes: attributesOf(path) } as const;
  return (...args) => traced(work, () => ask(...args));
}

function attributesOf(path: string): Readonly<Record<string, string>> {
  const [, service = "", method = ""] = path.split("/");
  return { "rpc.system": "grpc", "rpc.service": service, "rpc.method": method };
}

function parentOf(metadata: Metadata): string | null {
  const [given] = metadata.get(traceparentKey);
  return typeof given === "string" ? given : null;
}
