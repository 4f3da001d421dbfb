import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Log } from "../src/log.ts";
import { startTracing } from "../src/trace/open-telemetry.ts";
import type { Tracer } from "../src/trace/trace.ts";

// Nobody takes these traces: whoever is asked to says no, and is told a secret in return.

const said: string[] = [];
const log = { warn: (_line: object, message: string) => said.push(message) } as unknown as Log;

const parts = new AsyncDisposableStack();
let tracer: Tracer;
const asked: string[] = [];
beforeAll(async () => {
  const refusing = createServer((request, response) => {
    asked.push(String(request.headers["x-key"]));
    response.writeHead(403).end("the key s3cret is wrong");
  });
  refusing.listen(0, "127.0.0.1");
  await once(refusing, "listening");
  parts.defer(() => void refusing.close());
  const { port } = refusing.address() as AddressInfo;
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${port}`);
  vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret");
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "10");
  ({ tracer } = parts.use(startTracing("probe", process.env, log)));
});
afterAll(async () => {
  await parts.disposeAsync();
  vi.unstubAllEnvs();
});

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const callers = `00-${traceId}-00f067aa0ba902b7-01`;
const work = { name: "work", attributes: {}, parent: null };

test("work hands on the trace that it came with, and a place in it of its own", () => {
  const span = tracer.begin({ ...work, kind: "server", parent: callers });
  const handedOn = span.run(() => tracer.traceparent());
  expect(handedOn).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(handedOn).not.toBe(callers);
  const inner = span.run(() => tracer.begin({ ...work, kind: "client" }));
  expect(inner.run(() => tracer.traceparent())).not.toBe(handedOn);
  inner.end(null);
  span.end(null);
  expect(tracer.traceparent()).toBeNull();
});

test("what its caller does not want to see is not traced, and says so to those whom it asks", () => {
  const span = tracer.begin({ ...work, kind: "server", parent: callers.replace(/01$/, "00") });
  expect(span.run(() => tracer.traceparent())).toMatch(new RegExp(`^00-${traceId}-.*-00$`));
  span.end(null);
});

test.each([
  "",
  "nonsense",
  `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  `${callers}-more`,
  "x".repeat(10_000),
])("a caller's place that is none begins a trace of its own: %.60s", (parent) => {
  const span = tracer.begin({ ...work, kind: "server", parent });
  const handedOn = span.run(() => tracer.traceparent());
  expect(handedOn).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(handedOn).not.toContain(traceId);
  span.end("invalid");
});

test("what is asked of others by itself is a part of nothing", () => {
  const span = tracer.begin({ ...work, kind: "client" });
  expect(span.run(() => tracer.traceparent())).toBeNull();
  span.end(null);
});

test("where nobody takes traces a process says so once, and not what it shows or is told", async () => {
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  await expect.poll(() => said).toEqual(["traces can't be sent to where OTEL_* say"]);
  const before = asked.length;
  tracer.begin({ ...work, kind: "server" }).end(null);
  await expect.poll(() => asked.length).toBeGreaterThan(before);
  expect(asked).toContain("s3cret");
  expect(said).toHaveLength(1);
});
