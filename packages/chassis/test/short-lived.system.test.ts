import { spawnSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openLog } from "../src/log.ts";
import { connect } from "../src/rpc/client.ts";
import { OpenStreams } from "../src/rpc/open-streams.ts";
import { implement, serve } from "../src/rpc/server.ts";
import { Probe } from "./probe.ts";

const serviceCredential = "x".repeat(32);
const answer = { positions: [1], incarnation: "i" };
const callsAtOnce = 20;

/** A server whose calls on one connection all wait, and what aborted them. */
async function waiting() {
  const allReached = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<typeof answer>();
  const allAborted = Promise.withResolvers<number>();
  let reached = 0;
  let aborted = 0;
  const server = await serve(
    { listen: "127.0.0.1:0", serviceCredential, descriptor: null, log: openLog("test", "silent") },
    [
      implement(
        Probe,
        { rest: ["test"] },
        {
          heads: (_, call) => {
            call.signal.addEventListener("abort", () => {
              if (++aborted === callsAtOnce) allAborted.resolve(aborted);
            });
            if (++reached === callsAtOnce) allReached.resolve();
            return answered.promise;
          },
        },
      ),
    ],
  );
  const connection = connect({ peer: "probe", address: server.address, service: "test", serviceCredential });
  const { heads } = connection.stub(Probe);
  const calls = Promise.allSettled(Array.from({ length: callsAtOnce }, () => heads({ orgIds: [] })));
  await allReached.promise;
  return { server, connection, calls, answered, allAborted: allAborted.promise };
}

test("the streams of a connection are kept where they leave nothing behind", async () => {
  const sessions = sessionsOfServers();
  const { server, connection, calls, answered } = await waiting();
  const [streams, ...more] = Array.from(sessions.stop(), streamsOf);
  expect(more).toEqual([]);
  expect(streams).toBeInstanceOf(OpenStreams);
  expect(streams).toHaveProperty("size", callsAtOnce);
  answered.resolve(answer);
  await calls;
  connection[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  expect(streams).toHaveProperty("size", 0);
});

test("a server that stops answers all calls that it has begun, and then the connection ends", async () => {
  const { server, connection, calls, answered } = await waiting();
  const stopped = server[Symbol.asyncDispose]();
  answered.resolve(answer);
  expect((await calls).map(({ status }) => status)).toEqual(Array(callsAtOnce).fill("fulfilled"));
  await stopped;
  connection[Symbol.dispose]();
});

test("a connection that breaks ends all its calls", async () => {
  const sessions = sessionsOfServers();
  const { server, connection, calls, answered, allAborted } = await waiting();
  for (const session of sessions.stop()) session.destroy();
  expect(await allAborted).toBe(callsAtOnce);
  // Its client has begun them again.
  answered.resolve(answer);
  await calls;
  connection[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

test("what came and went is collected while it is young, where a Map would keep it", () => {
  const outliving = (kept: string): number => Number(run(["--expose-gc"], "outliving.ts", kept));
  expect(outliving("map")).toBeGreaterThan(500);
  expect(outliving("open-streams")).toBeLessThan(100);
});

test("V8 does not begin to allocate among the old what survived, where it would", () => {
  const concluded = (how: string): string =>
    run(["--max-semi-space-size=1", "--trace-pretenuring-statistics"], "pretenuring.ts", how);
  expect(concluded("usual")).toContain("=> tenure");
  expect(concluded("short-lived")).toBe("");
});

function run(flags: readonly string[], program: string, argument: string): string {
  const file = fileURLToPath(new URL(program, import.meta.url));
  return spawnSync(process.execPath, [...flags, file, argument], { encoding: "utf8" }).stdout;
}

/** The sessions of this process' servers on which something is asked. */
function sessionsOfServers() {
  const sessions = new Set<Http2Session>();
  const look = (message: unknown): void => {
    const { session } = (message as { stream: ServerHttp2Stream }).stream;
    if (session !== undefined) sessions.add(session);
  };
  subscribe("http2.server.stream.created", look);
  return {
    stop() {
      unsubscribe("http2.server.stream.created", look);
      return sessions;
    },
  };
}

/** What a session keeps its streams in. */
function streamsOf(session: Http2Session): unknown {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === "state");
  const state: unknown = key === undefined ? {} : Reflect.get(session, key);
  return (state as { streams?: unknown }).streams;
}
