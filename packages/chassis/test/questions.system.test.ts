import {
  FactsService,
  type LoadStreamRequest,
  type LoadStreamResponse,
} from "@portcullis/proto/facts/v1/facts";
import { afterEach, expect, test } from "vitest";
import { openLog } from "../src/log.ts";
import { answerEach } from "../src/rpc/answer-each.ts";
import { connect } from "../src/rpc/client.ts";
import type { Questions } from "../src/rpc/questions.ts";
import { implement, serve } from "../src/rpc/server.ts";
import type { Conversation } from "../src/rpc/stream.ts";

// Questions over one stream, between a real client and a real server.

type Talk = Conversation<LoadStreamRequest, LoadStreamResponse>;

const Probe = { ask: FactsService.loadStream } as const;
const serviceCredential = "x".repeat(32);

let parts = new AsyncDisposableStack();
afterEach(async () => {
  await parts.disposeAsync();
  parts = new AsyncDisposableStack();
});

/** A server on which each stream is answered by the next of these, and questions to it. */
async function opened(...streams: readonly ((conversation: Talk) => Promise<void>)[]) {
  let count = 0;
  const ask = async (conversation: Talk): Promise<void> => {
    count += 1;
    await streams[count - 1]?.(conversation);
  };
  const server = parts.use(
    await serve(
      { listen: "127.0.0.1:0", serviceCredential, descriptor: null, log: openLog("test", "silent") },
      [implement(Probe, { rest: ["test"] }, { ask })],
    ),
  );
  const connection = parts.use(
    connect({ peer: "probe", address: server.address, service: "test", serviceCredential }),
  );
  return { connection, questions: connection.questions(Probe.ask), opened: () => count };
}

/** What was answered to a question about this. */
async function about(questions: Pick<Questions<LoadStreamRequest, LoadStreamResponse>, "ask">, it: string) {
  const load = { keys: [{ orgId: it, kind: undefined }] };
  const { loaded } = await questions.ask((id) => ({ id, load }), 60_000);
  return loaded?.incarnation;
}

function answerTo({ id, load }: LoadStreamRequest): LoadStreamResponse {
  return { id, loaded: { facts: [], incarnation: load?.keys[0]?.orgId ?? "" } };
}

const echo = (conversation: Talk) => answerEach(conversation, 10, answerTo);

/** Receives so many questions before it goes on. */
async function received(conversation: Talk, count: number): Promise<LoadStreamRequest[]> {
  const all: LoadStreamRequest[] = [];
  while (all.length < count) all.push(...((await conversation.receive(count)) ?? []));
  return all;
}

test("each question gets its own answer, in whatever order they come", async () => {
  const { questions, opened: count } = await opened(async (conversation) => {
    const asked = await received(conversation, 3);
    for (const question of asked.reverse()) await conversation.send([answerTo(question)]);
    await echo(conversation);
  });
  const answers = ["one", "two", "three"].map((it) => about(questions, it));
  expect(await Promise.all(answers)).toEqual(["one", "two", "three"]);
  expect(await about(questions, "four")).toBe("four");
  expect(count()).toBe(1);
});

test("what a stream has not answered when it ends fails, and the next question goes over another", async () => {
  const { questions, opened: count } = await opened(async (conversation) => {
    await received(conversation, 2);
  }, echo);
  const unanswered = await Promise.allSettled([about(questions, "one"), about(questions, "two")]);
  for (const outcome of unanswered) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "unavailable" } });
  }
  expect(await about(questions, "three")).toBe("three");
  expect(count()).toBe(2);
});

test("who is not answered in time does not let the others wait behind it", async () => {
  const { questions } = await opened(async (conversation) => {
    await received(conversation, 2);
    await new Promise((_, reject) => conversation.signal.addEventListener("abort", reject, { once: true }));
  }, echo);
  const patient = about(questions, "patient");
  const hasty = questions.ask((id) => ({ id, load: undefined }), 100);
  await expect(hasty).rejects.toMatchObject({ kind: "timeout" });
  await expect(patient).rejects.toMatchObject({ kind: "cancelled" });
  expect(await about(questions, "next")).toBe("next");
});

test("a slow answer fails alone where others were answered meanwhile", async () => {
  const { questions, opened: count } = await opened(async (conversation) => {
    await received(conversation, 1);
    await echo(conversation);
  });
  const slow = questions.ask((id) => ({ id, load: undefined }), 100);
  expect(await about(questions, "quick")).toBe("quick");
  await expect(slow).rejects.toMatchObject({ kind: "timeout" });
  expect(await about(questions, "next")).toBe("next");
  expect(count()).toBe(1);
});

test("an old stream still answers what it was asked, and the next question goes over a new one", async () => {
  const later = Promise.withResolvers<void>();
  const { connection, opened: count } = await opened(async (conversation) => {
    const [question] = await received(conversation, 1);
    await later.promise;
    if (question !== undefined) await conversation.send([answerTo(question)]);
  }, echo);
  const atOnceOld = parts.use(connection.questions(Probe.ask, 0));
  const first = about(atOnceOld, "first");
  expect(await about(atOnceOld, "second")).toBe("second");
  later.resolve();
  expect(await first).toBe("first");
  expect(count()).toBe(2);
});

test("a connection that is closed takes its open streams along", async () => {
  const gone = Promise.withResolvers<void>();
  const { connection, questions } = await opened(async (conversation) => {
    conversation.signal.addEventListener("abort", () => gone.resolve(), { once: true });
    await echo(conversation);
  });
  expect(await about(questions, "one")).toBe("one");
  connection[Symbol.dispose]();
  await gone.promise;
});
