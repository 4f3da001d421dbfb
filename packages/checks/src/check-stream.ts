import { Fault, invalid } from "@portcullis/chassis/fault";
import { present } from "@portcullis/chassis/fields";
import { answerEach } from "@portcullis/chassis/rpc/answer-each";
import { statusName } from "@portcullis/chassis/rpc/status";
import type { Conversation } from "@portcullis/chassis/rpc/stream";
import { within } from "@portcullis/chassis/within";
import type {
  CheckResponse,
  CheckStreamRequest,
  CheckStreamResponse,
} from "@portcullis/proto/decision/v1/decision";
import { check, type Deciding } from "./check.ts";
import type { PrincipalOf } from "./principal.ts";

/** Questions of one stream that are in work at a time. */
const inWorkMax = 256;
const idMax = 128;
const questionMs = 10_000;

/** What memory answers goes out in the tick in which it was asked; what must be loaded follows when it is there. */
export function checkStream(
  deciding: Deciding,
  principalOf: PrincipalOf,
  conversation: Conversation<CheckStreamRequest, CheckStreamResponse>,
): Promise<void> {
  return answerEach(conversation, inWorkMax, (request) =>
    answerTo(deciding, principalOf, request, conversation),
  );
}

/** Without a promise when memory holds all facts that it takes. */
function answerTo(
  deciding: Deciding,
  principalOf: PrincipalOf,
  { id, check: question }: CheckStreamRequest,
  conversation: Conversation<CheckStreamRequest, CheckStreamResponse>,
): CheckStreamResponse | Promise<CheckStreamResponse> {
  const answered = ({ allowed, revision, holderId }: CheckResponse): CheckStreamResponse => ({
    id,
    allowed,
    revision,
    holderId,
    error: undefined,
  });
  const failed = (thrown: unknown): CheckStreamResponse => {
    if (!(thrown instanceof Fault)) throw thrown;
    const error = { code: statusName(thrown.kind), message: thrown.message };
    return { id, allowed: false, revision: "", error };
  };
  try {
    if (id.length > idMax) throw invalid("id", `is longer than ${idMax} characters`);
    const found = check(deciding, principalOf, present(question, "check"), conversation);
    return found instanceof Promise ? inTime(found).then(answered, failed) : answered(found);
  } catch (thrown) {
    return failed(thrown);
  }
}

function inTime<T>(found: Promise<T>): Promise<T> {
  return within(questionMs, found, () => new Fault("timeout", "the question took too long"));
}
