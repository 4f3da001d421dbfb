import { Fault, invalid } from "@portcullis/chassis/fault";
import { present } from "@portcullis/chassis/fields";
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

/**
 * What memory answers goes out together, in the tick in which it was asked; what must be loaded follows when it is
 * there. As long as there is no room for another question, none is read.
 */
export async function checkStream(
  deciding: Deciding,
  principalOf: PrincipalOf,
  conversation: Conversation<CheckStreamRequest, CheckStreamResponse>,
): Promise<void> {
  const { promise: broken, reject: breakOff } = Promise.withResolvers<never>();
  const answer = (request: CheckStreamRequest) => answerTo(deciding, principalOf, request, conversation);
  await Promise.race([answerAll(answer, conversation, breakOff), broken]);
}

async function answerAll(
  answerTo: (request: CheckStreamRequest) => CheckStreamResponse | Promise<CheckStreamResponse>,
  conversation: Conversation<CheckStreamRequest, CheckStreamResponse>,
  breakOff: (thrown: unknown) => void,
): Promise<void> {
  const inWork = new Set<Promise<CheckStreamResponse>>();
  let oneIsDone = (): void => undefined;
  const untilOneIsDone = () =>
    new Promise<void>((resolve) => {
      oneIsDone = resolve;
    });
  const follow = (answer: Promise<CheckStreamResponse>): void => {
    inWork.add(answer);
    answer
      .then((response) => conversation.send([response]))
      .finally(() => {
        inWork.delete(answer);
        oneIsDone();
      })
      .catch(breakOff);
  };
  for (;;) {
    while (inWork.size >= inWorkMax) await untilOneIsDone();
    const asked = await conversation.receive(inWorkMax - inWork.size);
    if (asked === null) break;
    const ready: CheckStreamResponse[] = [];
    for (const request of asked) {
      const answer = answerTo(request);
      if (answer instanceof Promise) follow(answer);
      else ready.push(answer);
    }
    await conversation.send(ready);
  }
  while (inWork.size > 0) await untilOneIsDone();
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
