// Questions that are asked in one tick go out as one call.

/** As many as one call may hold. */
const questionsMax = 1000;

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** `ask` answers questions of one kind together, in their order; those of other kinds go out beside them. */
export function batched<Question, Answer>(
  ask: (kind: string, questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>,
): (kind: string, question: Question) => Promise<Answer> {
  const waiting = new Map<string, Waiting<Question, Answer>[]>();

  async function send(kind: string): Promise<void> {
    const asked = waiting.get(kind) ?? [];
    waiting.delete(kind);
    try {
      const answers = await ask(
        kind,
        asked.map(({ question }) => question),
      );
      for (const [index, { resolve, reject }] of asked.entries()) {
        const answer = answers[index];
        if (answer === undefined) reject(new Error("a question was left without an answer"));
        else if (answer instanceof Error) reject(answer);
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  return (kind, question) =>
    new Promise((resolve, reject) => {
      const asked = waiting.get(kind) ?? [];
      asked.push({ question, resolve, reject });
      if (asked.length === 1) {
        waiting.set(kind, asked);
        // After the promises of this tick, as many questions come out of them.
        setImmediate(() => {
          if (waiting.get(kind) === asked) void send(kind);
        });
      }
      if (asked.length >= questionsMax) void send(kind);
    });
}
