// The load of the row `stream`, as a process of its own: it keeps a window of questions in the air on each of several
// CheckStreams. h2load can't speak on in a stream. Every question is made before, every answer is compared with the
// expected bytes, and nothing is encoded or decoded, so that the client is not the bottleneck.

import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { text } from "node:stream/consumers";

/** What it is told on standard input. */
export interface StreamLoad {
  readonly address: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Framed questions, which are in the air at the same time, and the framed answer to each; all answers equally long. */
  readonly slots: readonly { readonly question: string; readonly answer: string }[];
  readonly connections: number;
  readonly streams: number;
  /** How many questions are put in all. */
  readonly questions: number;
}

/** What it says on standard output. */
export interface StreamLoadDone {
  readonly seconds: number;
  /** The share of that time in which this process was busy. */
  readonly busy: number;
}

/** So wide that no answer waits for it. */
const windowBytes = 16 * 1024 * 1024;

const asked = JSON.parse(await text(process.stdin)) as StreamLoad;
const questions = asked.slots.map(({ question }) => Buffer.from(question, "base64"));
const answers = asked.slots.map(({ answer }) => Buffer.from(answer, "base64"));
const slotOfAnswer = new Map(answers.map((answer, slot) => [answer.toString("latin1"), slot]));
const answerBytes = answers[0]?.length ?? 0;
const each = Math.floor(asked.questions / asked.streams);

const sessions = await Promise.all(Array.from({ length: asked.connections }, open));
const cpuBefore = process.cpuUsage();
const began = performance.now();
await Promise.all(
  Array.from({ length: asked.streams }, (_, index) => {
    const session = sessions[index % sessions.length];
    if (session === undefined) throw new Error("there is no connection");
    return talk(session);
  }),
);
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
const done: StreamLoadDone = { seconds, busy: (user + system) / 1e6 / seconds };
process.stdout.write(JSON.stringify(done));
for (const session of sessions) session.close();

async function open(): Promise<ClientHttp2Session> {
  const session = connect(`http://${asked.address}`, { settings: { initialWindowSize: windowBytes } });
  await once(session, "connect");
  session.setLocalWindowSize(windowBytes);
  return session;
}

/** Each slot is asked again when it was answered; any other answer than the expected one, and one too many, is an error. */
async function talk(session: ClientHttp2Session): Promise<void> {
  const stream = session.request({
    ":method": "POST",
    ":path": asked.path,
    "content-type": "application/grpc",
    te: "trailers",
    ...asked.headers,
  });
  let status = "none";
  stream.on("trailers", (trailers: IncomingHttpHeaders) => (status = String(trailers["grpc-status"])));
  stream.on("response", (headers) => (status = String(headers["grpc-status"] ?? status)));
  const closed = once(stream, "close");
  const waiting = new Set<number>();
  let put = 0;
  let answered = 0;
  let rest: Buffer = Buffer.alloc(0);
  const ask = (slots: readonly number[]): void => {
    const next = slots.slice(0, each - put);
    for (const slot of next) waiting.add(slot);
    put += next.length;
    if (next.length > 0) stream.write(Buffer.concat(next.map((slot) => questions[slot] ?? rest)));
  };
  let free: number[] = [];
  // The answers of one turn of the event loop are followed by one write.
  const flush = (): void => {
    ask(free);
    free = [];
    if (answered === each) stream.end();
  };
  stream.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; bytes.length - at >= answerBytes; at += answerBytes) {
      const slot = slotOfAnswer.get(bytes.toString("latin1", at, at + answerBytes)) ?? -1;
      if (!waiting.delete(slot)) return fail(stream, "an answer came to what was not asked");
      answered++;
      if (free.push(slot) === 1) setImmediate(flush);
    }
    rest = bytes.subarray(at);
  });
  ask([...questions.keys()]);
  await closed;
  if (status !== "0" || answered !== each || rest.length > 0) {
    throw new Error(`a stream ended with status ${status} and ${answered} of ${each} answers`);
  }
}

function fail(stream: ClientHttp2Stream, message: string): void {
  stream.destroy(new Error(message));
}
