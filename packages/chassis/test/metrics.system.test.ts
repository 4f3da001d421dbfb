import { expect, test } from "vitest";
import { serveMetrics } from "../src/metrics/serve-metrics.ts";
import type { Need } from "../src/need.ts";

async function served(needs: () => readonly Need[] | null) {
  const server = await serveMetrics({ listen: "127.0.0.1:0", service: "probe", needs });
  return {
    get: (path: string, method = "GET") => fetch(`http://${server.address}${path}`, { method }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test("a process lives from the first moment on, and is ready while all that it needs is there", async () => {
  const database = { isAway: false };
  let needs: readonly Need[] | null = null;
  await using probe = await served(() => needs);
  const ready = async () => {
    const answer = await probe.get("/readyz");
    return [answer.status, await answer.text()];
  };
  expect((await probe.get("/livez")).status).toBe(200);
  expect(await ready()).toEqual([503, "starting or stopping\n"]);
  needs = [
    { name: "upstream", isThere: () => Promise.resolve() },
    {
      name: "database",
      isThere: () => (database.isAway ? Promise.reject(new Error("refused")) : Promise.resolve()),
    },
  ];
  expect(await ready()).toEqual([200, "ready\n"]);
  database.isAway = true;
  expect(await ready()).toEqual([503, "not there: database\n"]);
  expect((await probe.get("/livez")).status).toBe(200);
});

test("what does not answer in time is not there", async () => {
  await using probe = await served(() => [{ name: "database", isThere: () => new Promise(() => undefined) }]);
  expect(await (await probe.get("/readyz")).text()).toBe("not there: database\n");
});

test("metrics are told in Prometheus' format, those of the process itself too, all with the service's name", async () => {
  await using probe = await served(() => []);
  const answer = await probe.get("/metrics");
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await answer.text()).toMatch(/^nodejs_eventloop_lag_p99_seconds\{service="probe"\} [\d.e-]+$/m);
});

test("nothing else is answered, and nothing is taken", async () => {
  await using probe = await served(() => []);
  expect((await probe.get("/")).status).toBe(404);
  expect((await probe.get("/constructor")).status).toBe(404);
  expect((await probe.get("/metrics", "POST")).status).toBe(404);
  expect((await probe.get("/livez", "HEAD")).status).toBe(200);
});

test("an address that is taken is refused by name", async () => {
  const first = await serveMetrics({ listen: "127.0.0.1:0", service: "probe", needs: () => [] });
  await using _first = first;
  const second = serveMetrics({ listen: first.address, service: "probe", needs: () => [] });
  await expect(second).rejects.toThrow(`can't listen on ${first.address}`);
});
