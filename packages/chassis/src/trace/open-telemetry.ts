// Traces by OpenTelemetry, set up by its own variables (OTEL_*). Loaded only where these ask for traces.

import { setTimeout as after } from "node:timers/promises";
import {
  context,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import {
  resourceAttributesEnvDetector,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import type { Log } from "../log.ts";
import type { Span, Tracer, Work } from "./trace.ts";

/** What was not sent by then when a process stops is lost. */
const flushMs = 2000;

const kinds: Readonly<Record<Work["kind"], SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
};

/** Work that is not traced. */
const untraced: Span = { run: (does) => does(), set: () => undefined, end: () => undefined };

/** Disposing it sends what is left. */
export function startTracing(
  service: string,
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
): AsyncDisposable & { readonly tracer: Tracer } {
  tellOnce(log);
  const sdk = new NodeSDK({
    ...(!environment["OTEL_SERVICE_NAME"] && { serviceName: `portcullis-${service}` }),
    // What the others tell of a process, as its command line, is nobody's business elsewhere.
    resourceDetectors: [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector],
    // Metrics and logs go other ways.
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  const spans = trace.getTracer("portcullis");
  const begin = ({ kind, name, attributes, parent }: Work): Span => {
    const isAsked = kind !== "client";
    const from = isAsked ? propagation.extract(ROOT_CONTEXT, { traceparent: parent }) : context.active();
    if (!isAsked && trace.getSpan(from) === undefined) return untraced;
    const span = spans.startSpan(name, { kind: kinds[kind], attributes }, from);
    const course = trace.setSpan(from, span);
    return {
      run: (does) => context.with(course, does),
      set: (attribute, value) => span.setAttribute(attribute, value),
      end(failure) {
        if (failure !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
        span.end();
      },
    };
  };
  const tracer: Tracer = {
    begin,
    traceparent() {
      const carrier: { traceparent?: string } = {};
      propagation.inject(context.active(), carrier);
      return carrier.traceparent ?? null;
    },
  };
  return {
    tracer,
    async [Symbol.asyncDispose]() {
      const sent = sdk.shutdown().catch(() => undefined);
      await Promise.race([sent, after(flushMs, undefined, { ref: false })]);
    },
  };
}

/** Where spans can't be sent every batch fails; one line says it. What the exporter says of it may hold what it was told. */
function tellOnce(log: Log): void {
  let isTold = false;
  const nothing = () => undefined;
  const error = (): void => {
    if (!isTold) log.warn({}, "traces can't be sent to where OTEL_* say");
    isTold = true;
  };
  diag.setLogger(
    { error, warn: nothing, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.ERROR },
  );
}
