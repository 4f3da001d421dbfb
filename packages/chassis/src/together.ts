import { AsyncLocalStorage } from "node:async_hooks";

export interface Asking<Question, Answer> {
  /** Answers each of them, in their order; or throws, and has answered none. */
  readonly ask: (questions: readonly Question[]) => Promise<readonly PromiseSettledResult<Answer>[]>;
  /** What is asked together is no larger than this, unless one question alone is. */
  readonly sizeMax: number;
  readonly sizeOf: (question: Question) => number;
  /** Questions of one lane wait for each other, and are asked together; those of different lanes never. */
  readonly laneOf: (question: Question) => string;
  /** Whoever has waited for this long for those before no longer does. */
  readonly patienceMs: number;
}

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly settle: (outcome: PromiseSettledResult<Answer>) => void;
  /** What is done for it is a part of what it was asked for. */
  readonly inItsCourse: <T>(does: () => T) => T;
}

interface Lane<Question, Answer> {
  waiting: Waiting<Question, Answer>[];
  /** Those who come now wait for this one. */
  current: Promise<void> | null;
}

/**
 * Asks what comes at about the same time as one. While one question is on its way, those that come wait, and go together
 * with the next: nobody is answered by a question that was asked before theirs came.
 */
export function together<Question, Answer>(
  asking: Asking<Question, Answer>,
): (question: Question) => Promise<Answer> {
  const { ask, sizeMax, sizeOf, laneOf, patienceMs } = asking;
  const lanes = new Map<string, Lane<Question, Answer>>();

  function goOn(name: string, lane: Lane<Question, Answer>): void {
    const next = lane.waiting[0];
    if (next === undefined) {
      lanes.delete(name);
      return;
    }
    const some = takeFrom(lane);
    const asked = next.inItsCourse(() => askAll(some));
    lane.current = asked;
    const pass = (): void => {
      if (lane.current !== asked) return;
      clearTimeout(timer);
      goOn(name, lane);
    };
    const timer = setTimeout(pass, patienceMs);
    void asked.then(pass);
  }

  function takeFrom({ waiting }: Lane<Question, Answer>): Waiting<Question, Answer>[] {
    let size = 0;
    const end = waiting.findIndex(({ question }, index) => {
      size += sizeOf(question);
      return index > 0 && size > sizeMax;
    });
    return waiting.splice(0, end === -1 ? waiting.length : end);
  }

  async function askAll(some: readonly Waiting<Question, Answer>[]): Promise<void> {
    try {
      const outcomes = await ask(some.map(({ question }) => question));
      for (const [index, { settle }] of some.entries()) {
        settle(outcomes[index] ?? rejected(new Error("a question was left without an answer")));
      }
    } catch (error) {
      for (const { settle } of some) settle(rejected(error));
    }
  }

  return (question) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const settle = (outcome: PromiseSettledResult<Answer>): void => {
      if (outcome.status === "fulfilled") resolve(outcome.value);
      else reject(outcome.reason);
    };
    const name = laneOf(question);
    const lane = lanes.get(name) ?? { waiting: [], current: null };
    lane.waiting.push({ question, settle, inItsCourse: AsyncLocalStorage.snapshot() });
    if (!lanes.has(name)) {
      lanes.set(name, lane);
      // What comes in the same tick goes along.
      setImmediate(() => goOn(name, lane));
    }
    return promise;
  };
}

function rejected(reason: unknown): PromiseRejectedResult {
  return { status: "rejected", reason };
}
