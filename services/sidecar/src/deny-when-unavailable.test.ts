import { Fault, type FaultKind } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Call } from "@portcullis/chassis/rpc/call";
import type { Conversation } from "@portcullis/chassis/rpc/stream";
import type {
  CheckRequest,
  CheckStreamRequest,
  CheckStreamResponse,
} from "@portcullis/proto/decision/v1/decision";
import { beforeEach, expect, test } from "vitest";
import { type Checks, denyWhenUnavailable } from "./deny-when-unavailable.ts";

let told: string[] = [];
beforeEach(() => {
  told = [];
});
const silence = () => undefined;
const log: Log = {
  debug: silence,
  info: silence,
  warn: silence,
  error: (_fields: unknown, message?: string) => void told.push(message ?? ""),
  fatal: silence,
  isLevelEnabled: () => true,
  child: () => log,
};
const call = {} as Call;
const question = {} as CheckRequest;

/** What answers when everything ends in this. */
function failing(kind: FaultKind) {
  const fail = () => {
    throw new Fault(kind, "why");
  };
  return denyWhenUnavailable<Checks>(
    {
      check: fail,
      permissions: async () => fail(),
      batchCheck: fail,
      checkStream: async (conversation: Conversation<CheckStreamRequest, CheckStreamResponse>) => {
        const error = { code: "UNAVAILABLE", message: "why" };
        const bad = { code: "INVALID_ARGUMENT", message: "why" };
        await conversation.send([
          { id: "1", allowed: false, revision: "", error },
          { id: "2", allowed: false, revision: "", error: bad },
        ]);
      },
    },
    log,
  );
}

test.each(["unavailable", "timeout", "exhausted", "internal"] as const)(
  "%s is denied, and told",
  async (kind) => {
    const answering = failing(kind);
    expect(await answering.check(question, call)).toEqual({ allowed: false, revision: "" });
    expect(
      await answering.permissions(
        { orgId: "", who: undefined, object: undefined, consistency: undefined },
        call,
      ),
    ).toEqual({ permissions: [], revision: "" });
    const batch = { orgId: "", checks: [question, question], consistency: undefined };
    expect((await answering.batchCheck(batch, call)).results).toEqual([
      { allowed: false, error: undefined },
      { allowed: false, error: undefined },
    ]);
    expect(told).toEqual(["denied what can't be answered"]);
  },
);

test.each(["invalid", "denied", "unauthenticated"] as const)("%s is said as it is", (kind) => {
  expect(() => failing(kind).check(question, call)).toThrow(expect.objectContaining({ kind }));
  expect(told).toEqual([]);
});

test("in a stream each question is denied alone", async () => {
  const sent: CheckStreamResponse[] = [];
  const conversation = { send: async (some: readonly CheckStreamResponse[]) => void sent.push(...some) };
  await failing("unavailable").checkStream(
    conversation as Conversation<CheckStreamRequest, CheckStreamResponse>,
  );
  expect(sent.map(({ error }) => error?.code)).toEqual([undefined, "INVALID_ARGUMENT"]);
});
