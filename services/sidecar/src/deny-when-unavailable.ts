import { Fault, type FaultKind } from "@portcullis/chassis/fault";
import type { Log } from "@portcullis/chassis/log";
import type { Handlers } from "@portcullis/chassis/rpc/server";
import { statusName } from "@portcullis/chassis/rpc/status";
import type {
  CheckError,
  CheckStreamResponse,
  DecisionService,
} from "@portcullis/proto/decision/v1/decision";

type Decision = Handlers<typeof DecisionService>;
export type Checks = Pick<Decision, "check" | "batchCheck" | "checkStream" | "permissions">;

/** How often it is told, at most. */
const tellEveryMs = 1000;
const unanswered: readonly FaultKind[] = ["unavailable", "timeout", "exhausted", "internal"];
const unansweredCodes: readonly string[] = unanswered.map(statusName);

/**
 * Says *denied* wherever there is no answer, for applications that can't be taught the difference. They can't know a
 * right that is missing from a part that is down, so it is told in the log, again and again.
 */
export function denyWhenUnavailable<All extends Checks>(handlers: All, log: Log): All {
  let deniedSince = 0;
  let nextTellAt = 0;
  log.warn({}, "questions that can't be answered are answered: denied");

  function deny(): void {
    deniedSince++;
    if (Date.now() < nextTellAt) return;
    nextTellAt = Date.now() + tellEveryMs;
    log.error({ questions: deniedSince }, "denied what can't be answered");
    deniedSince = 0;
  }

  /** The answer, or what is said where there is none. */
  function orDenied<Response>(answer: () => Response | Promise<Response>, denied: Response) {
    const instead = (thrown: unknown): Response => {
      if (thrown instanceof Fault && !unanswered.includes(thrown.kind)) throw thrown;
      deny();
      return denied;
    };
    try {
      const found = answer();
      return found instanceof Promise ? found.catch(instead) : found;
    } catch (thrown) {
      return instead(thrown);
    }
  }

  function errorOf(error: CheckError | undefined): CheckError | undefined {
    if (error === undefined || !unansweredCodes.includes(error.code)) return error;
    deny();
    return undefined;
  }

  return {
    ...handlers,
    check: (request, call) => orDenied(() => handlers.check(request, call), { allowed: false, revision: "" }),
    permissions: (request, call) =>
      orDenied(() => handlers.permissions(request, call), { permissions: [], revision: "" }),
    async batchCheck(request, call) {
      const denied = request.checks.map(() => ({ allowed: false, error: undefined }));
      const answer = () => handlers.batchCheck(request, call);
      const { results, revision } = await orDenied(answer, { results: denied, revision: "" });
      return { results: results.map((result) => ({ ...result, error: errorOf(result.error) })), revision };
    },
    checkStream(conversation) {
      const { caller, metadata, requestId, deadlineMs, signal, closing } = conversation;
      const call = { caller, metadata, requestId, deadlineMs, signal, closing };
      return handlers.checkStream({
        ...call,
        receive: (most) => conversation.receive(most),
        send: (responses) => conversation.send(responses.map(deniedIfUnanswered)),
      });
    },
  };

  function deniedIfUnanswered(response: CheckStreamResponse): CheckStreamResponse {
    return { ...response, error: errorOf(response.error) };
  }
}
