import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { HeadsRequest, HeadsResponse } from "@portcullis/proto/facts/v1/facts";
import { afterEach, expect, test } from "vitest";
import { descriptor } from "../src/descriptor.ts";
import { Fault } from "../src/fault.ts";
import { openLog } from "../src/log.ts";
import { type Authenticate, implement, serve } from "../src/rpc/server.ts";
import type { Answering, Conversation } from "../src/rpc/stream.ts";

// A call that goes on, between a real client and a real server.

const method = {
  requestSerialize: (message: HeadsRequest) => Buffer.from(HeadsRequest.encode(message).finish()),
  requestDeserialize: (bytes: Buffer) => HeadsRequest.decode(bytes),
  responseSerialize: (message: HeadsResponse) => Buffer.from(HeadsResponse.encode(message).finish()),
  responseDeserialize: (bytes: Buffer) => HeadsResponse.decode(bytes),
} as const;
const Probe = {
  talk: { ...method, path: "/portcullis.facts.v1.Facts/Heads", requestStream: true, responseStream: true },
  tell: { ...method, path: "/portcullis.facts.v1.Facts/Load", requestStream: false, responseStream: true },
} as const;

type Talk = Conversation<HeadsRequest, HeadsResponse>;
type Tell = Answering<HeadsResponse>;

interface Handles {
  readonly talk?: (conversation: Talk) => Promise<void>;
  readonly tell?: (request: HeadsRequest, call: Tell) => Promise<void>;
  readonly authenticate?: Authenticate;
}

let parts = new AsyncDisposableStack();
afterEach(async () => {
  await parts.disposeAsync();
  parts = new AsyncDisposableStack();
});

const unused = () => Promise.reject(new Error("nobody asked for this"));
const serviceCredential = "x".repeat(32);

async function opened({ talk = unused, tell = unused, authenticate }: Handles) {
  const server = parts.use(
    await serve(
      {
        listen: "127.0.0.1:0",
        serviceCredential,
        descriptor: await descriptor(),
        log: openLog("test", "silent"),
        ...(authenticate !== undefined && { authenticate }),
      },
      [implement(Probe, { rest: ["test"] }, { talk, tell })],
    ),
  );
  const client = new Client(server.address, credentials.createInsecure());
  parts.defer(() => client.close());
  return { server, client };
}

function metadataOf(credential: string | null): Metadata {
  const metadata = new Metadata();
  metadata.set("x-portcullis-service", "test");
  if (credential !== null) metadata.set("x-portcullis-credential", credential);
  return metadata;
}

function talkTo(client: Client, options: { credential?: string | null; deadline?: number } = {}) {
  const { credential = serviceCredential, deadline } = options;
  const stream: ClientDuplexStream<HeadsRequest, HeadsResponse> = client.makeBidiStreamRequest(
    Probe.talk.path,
    method.requestSerialize,
    method.responseDeserialize,
    metadataOf(credential),
    deadline === undefined ? {} : { deadline },
  );
  return { stream, ...outcomeOf(stream) };
}

function outcomeOf(stream: ClientDuplexStream<HeadsRequest, HeadsResponse>) {
  const answers: HeadsResponse[] = [];
  const { promise: code, resolve } = Promise.withResolvers<status>();
  stream.on("data", (answer: HeadsResponse) => answers.push(answer));
  stream.on("error", (error: ServiceError) => resolve(error.code));
  stream.on("status", ({ code: final }: { code: status }) => resolve(final));
  return { answers, code };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}

/** Answers each question with its number, as it comes. */
async function echo(conversation: Talk): Promise<void> {
  for (;;) {
    const asked = await conversation.receive(10);
    if (asked === null) return;
    await conversation.send(asked.map(({ orgIds }) => ({ positions: [], incarnation: orgIds[0] ?? "" })));
  }
}

function question(number: number): HeadsRequest {
  return { orgIds: [String(number)] };
}

test("all that was asked before the half-close is answered, and then the call ends well", async () => {
  const { client } = await opened({ talk: echo });
  const { stream, answers, code } = talkTo(client);
  for (let number = 0; number < 1000; number++) stream.write(question(number));
  stream.end();
  expect(await code).toBe(status.OK);
  expect(answers.map(({ incarnation }) => Number(incarnation))).toEqual(
    Array.from({ length: 1000 }, (_, n) => n),
  );
});

test("a call without questions ends well", async () => {
  const { client } = await opened({ talk: echo });
  const { stream, code } = talkTo(client);
  stream.end();
  expect(await code).toBe(status.OK);
});

test("nothing is read while the handler asks for nothing, so the client comes to a halt", async () => {
  const received: number[] = [];
  const go = Promise.withResolvers<void>();
  const { client } = await opened({
    async talk(conversation) {
      received.push((await conversation.receive(1))?.length ?? 0);
      await go.promise;
      await echo(conversation);
    },
  });
  const { stream, answers, code } = talkTo(client);
  const large = { orgIds: ["x".repeat(100_000)] };
  let written = 0;
  const write = (): Promise<void> => new Promise((resolve) => stream.write(large, () => resolve()));
  const writing = (async () => {
    for (; written < 400; written++) await write();
    stream.end();
  })();
  // Much less than the 40 MB that wait to be sent fits on the way; it stands still when two looks see the same.
  for (let before = -1; before !== written; ) {
    before = written;
    await delay(300);
  }
  expect(written).toBeLessThan(300);
  expect(received).toEqual([1]);
  go.resolve();
  await writing;
  expect(await code).toBe(status.OK);
  expect(answers).toHaveLength(399);
});

test("a handler that sends more than is read waits, and ends when the reader goes away", async () => {
  let sent = 0;
  const ended = Promise.withResolvers<unknown>();
  const { server } = await opened({
    tell: async (_request, call) => {
      try {
        for (;;) {
          await call.send([{ positions: [], incarnation: "x".repeat(100_000) }]);
          sent++;
        }
      } catch (thrown) {
        ended.resolve(thrown);
        throw thrown;
      }
    },
  });
  // Not a gRPC client, which would read ahead.
  const session = connect(`http://${server.address}`);
  parts.defer(() => session.destroy());
  const request = session.request({
    ":method": "POST",
    ":path": Probe.tell.path,
    "x-portcullis-service": "test",
    "content-type": "application/grpc",
    te: "trailers",
    "x-portcullis-credential": serviceCredential,
  });
  request.on("error", () => undefined);
  const message = method.requestSerialize(question(1));
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  request.end(Buffer.concat([header, message]));
  await until(() => sent > 0);
  for (let before = -1; before !== sent; ) {
    before = sent;
    await delay(300);
  }
  expect(sent).toBeLessThan(100);
  request.destroy();
  expect(await ended.promise).toMatchObject({ kind: "cancelled" });
});

test("nobody without a credential is heard", async () => {
  let heard = 0;
  const { client } = await opened({
    async talk(conversation) {
      heard++;
      await echo(conversation);
    },
  });
  for (const credential of [null, "y".repeat(32)]) {
    const { stream, code } = talkTo(client, { credential });
    stream.write(question(1));
    expect(await code).toBe(status.UNAUTHENTICATED);
  }
  expect(heard).toBe(0);
});

test("a caller whose credential ends is cut off, though it says nothing", async () => {
  let live = true;
  let asked = 0;
  const signals: AbortSignal[] = [];
  const { client } = await opened({
    authenticate() {
      asked++;
      if (!live) throw new Fault("unauthenticated", "the credential is not valid");
      return { kind: "other", principalId: "p", orgId: "o" };
    },
    async talk(conversation) {
      signals.push(conversation.signal);
      await echo(conversation);
    },
  });
  const { stream, answers, code } = talkTo(client, { credential: null });
  stream.write(question(1));
  await until(() => answers.length === 1 && asked > 2);
  live = false;
  expect(await code).toBe(status.UNAUTHENTICATED);
  expect(signals[0]?.aborted).toBe(true);
  const after = asked;
  await delay(600);
  expect(asked).toBe(after);
});

test("the deadline of the caller ends the call; the time limit of single answers does not", async () => {
  const ended = Promise.withResolvers<void>();
  const { client } = await opened({
    talk: (conversation) => {
      return echo(conversation).finally(ended.resolve);
    },
  });
  const { stream, code } = talkTo(client, { deadline: Date.now() + 500 });
  stream.write(question(1));
  expect(await code).toBe(status.DEADLINE_EXCEEDED);
  await ended.promise;
});

test("a client that goes away ends the handler", async () => {
  const ended = Promise.withResolvers<void>();
  const { client } = await opened({
    talk: (conversation) => {
      return echo(conversation).finally(ended.resolve);
    },
  });
  const { stream, answers, code } = talkTo(client);
  stream.write(question(1));
  await until(() => answers.length === 1);
  stream.cancel();
  expect(await code).toBe(status.CANCELLED);
  await ended.promise;
});

test("a server that stops answers what it has read, and says that it stops", async () => {
  const { client, server } = await opened({
    async talk(conversation) {
      for (;;) {
        const asked = await conversation.receive(10);
        if (asked === null) return;
        await delay(200);
        await conversation.send(asked.map(() => ({ positions: [], incarnation: "late" })));
      }
    },
  });
  const { stream, answers, code } = talkTo(client);
  stream.write(question(1));
  await delay(100);
  const stopped = server[Symbol.asyncDispose]();
  expect(await code).toBe(status.UNAVAILABLE);
  expect(answers.map(({ incarnation }) => incarnation)).toEqual(["late"]);
  await stopped;
});

test("what a handler throws ends the call: a fault as it is, a bug as internal and without its text", async () => {
  const secret = "a secret text";
  let thrown: Error = new Fault("refused", "no more");
  const { client } = await opened({
    async talk(conversation) {
      await conversation.receive(1);
      throw thrown;
    },
  });
  const first = talkTo(client);
  first.stream.write(question(1));
  expect(await first.code).toBe(status.FAILED_PRECONDITION);
  thrown = new Error(secret);
  const second = talkTo(client);
  const details: string[] = [];
  second.stream.on("error", (error: ServiceError) => details.push(error.details));
  second.stream.write(question(1));
  expect(await second.code).toBe(status.INTERNAL);
  expect(details).toEqual(["internal"]);
});
