// Checks over CheckStreams against unary calls of a bare grpc-js server, which is what they spare their callers.

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import {
  CheckResponse,
  CheckStreamRequest,
  CheckStreamResponse,
  DecisionService,
} from "@portcullis/proto/decision/v1/decision";
import { inTurns } from "./compare.ts";
import { cpuMicros, onClientCore } from "./cores.ts";
import { type RunningDecision, startDecision } from "./decision.ts";
import { startEcho } from "./echo.ts";
import { framed, load } from "./h2load.ts";
import { compared, type Row } from "./row.ts";
import { median } from "./statistics.ts";
import type { StreamLoad, StreamLoadDone } from "./stream-client.ts";

const rounds = 7;
const connections = 4;
const streams = 8;
/** Questions in the air on each stream. */
const window = 64;
const questions = 80_000;
const unary = { calls: 20_000, connections, atOnce: 8 };

export async function stream(tell: (line: string) => void): Promise<Row[]> {
  await using decision = await startDecision(tell);
  await using echo = await startEcho(decision.check);
  const wanted = streamLoad(decision);
  const done = await inTurns(
    () => runStreams(wanted, decision.check.pid),
    () => load(echo, unary),
    { rounds, tell },
  );
  const measured = done.map(({ ours, reference }) => ({
    ours: ours.perSecond,
    reference: reference.perSecond,
  }));
  const of = (what: "serverCpuMicros" | "busy") => median(done.map(({ ours }) => ours[what]));
  const echoCpu = median(done.map(({ reference }) => reference.serverCpuMicros));
  return [
    compared("stream", "a second", { is: "at least", value: 3.5 }, measured, [
      `ours: ${of("serverCpuMicros").toFixed(1)} us of the server's CPU each; reference: ${echoCpu.toFixed(1)} us`,
      `the client was busy for ${(100 * of("busy")).toFixed(0)} % of the time`,
    ]),
  ];
}

function streamLoad({ check, world }: RunningDecision): StreamLoad {
  const { revision } = CheckResponse.decode(check.response);
  const base64 = (message: Uint8Array) => framed(Buffer.from(message)).toString("base64");
  return {
    address: check.address,
    path: DecisionService.checkStream.path,
    headers: check.headers,
    slots: Array.from({ length: window }, (_, slot) => {
      const id = String(slot).padStart(4, "0");
      const question = CheckStreamRequest.encode({ id, check: world.allowedCheck }).finish();
      const answer = CheckStreamResponse.encode({ id, allowed: true, revision, error: undefined }).finish();
      return { question: base64(question), answer: base64(answer) };
    }),
    connections,
    streams,
    questions,
  };
}

async function runStreams(wanted: StreamLoad, pid: number) {
  const program = fileURLToPath(new URL("./stream-client.ts", import.meta.url));
  const cpuBefore = cpuMicros(pid);
  const client = spawn(...onClientCore(process.execPath, [program]), {
    stdio: ["pipe", "pipe", "inherit"],
  });
  client.stdin.end(JSON.stringify(wanted));
  const said = await text(client.stdout);
  if (said === "") throw new Error("the client of the streams failed");
  const { seconds, busy } = JSON.parse(said) as StreamLoadDone;
  const serverCpuMicros = (cpuMicros(pid) - cpuBefore) / wanted.questions;
  return { perSecond: wanted.questions / seconds, serverCpuMicros, busy };
}
