import { setImmediate as nextTick } from "node:timers/promises";
import { expect, test } from "vitest";
import { together } from "./together.ts";

interface Put {
  readonly questions: readonly string[];
  readonly answer: (outcome?: (question: string) => PromiseSettledResult<string>) => void;
  readonly fail: (error: Error) => void;
}

/** Questions are as large as they are long, and of the lane that their first letter names. */
function watched(patienceMs = 60_000): { ask: (question: string) => Promise<string>; put: Put[] } {
  const put: Put[] = [];
  const ask = together<string, string>({
    ask: (questions) => {
      const { promise, resolve, reject } = Promise.withResolvers<PromiseSettledResult<string>[]>();
      const answer: Put["answer"] = (outcome = echoed) => resolve(questions.map(outcome));
      put.push({ questions, answer, fail: reject });
      return promise;
    },
    sizeMax: 6,
    sizeOf: (question) => question.length,
    laneOf: (question) => question[0] ?? "",
    patienceMs,
  });
  return { ask, put };
}

function echoed(question: string): PromiseSettledResult<string> {
  return { status: "fulfilled", value: `${question}!` };
}

function asked(put: readonly Put[]): (readonly string[])[] {
  return put.map(({ questions }) => questions);
}

test("what comes while a question is on its way is asked together behind it, and never answered by it", async () => {
  const { ask, put } = watched();
  const first = ask("a1");
  await nextTick();
  const later = [ask("a2"), ask("a3")];
  await nextTick();
  expect(asked(put)).toEqual([["a1"]]);
  put[0]?.answer();
  expect(await first).toBe("a1!");
  await nextTick();
  expect(asked(put)).toEqual([["a1"], ["a2", "a3"]]);
  put[1]?.answer();
  expect(await Promise.all(later)).toEqual(["a2!", "a3!"]);
  const last = ask("a4");
  await nextTick();
  put[2]?.answer();
  expect(await last).toBe("a4!");
});

test("what comes in one tick goes together, each lane by itself", async () => {
  const { ask, put } = watched();
  const all = ["a1", "b1", "a2"].map(ask);
  await nextTick();
  expect(asked(put)).toEqual([["a1", "a2"], ["b1"]]);
  for (const { answer } of put) answer();
  expect(await Promise.all(all)).toEqual(["a1!", "b1!", "a2!"]);
});

test("what would be too large goes with the next, and what is too large alone goes alone", async () => {
  const { ask, put } = watched();
  const all = ["aaaa", "aa", "a", "aaaaaaaaa", "aa"].map(ask);
  const answered = Promise.all(all);
  for (let count = 1; count <= 4; count++) {
    await nextTick();
    expect(put).toHaveLength(count);
    put[count - 1]?.answer();
  }
  await answered;
  expect(asked(put)).toEqual([["aaaa", "aa"], ["a"], ["aaaaaaaaa"], ["aa"]]);
});

test("one that is refused is refused alone; where all fail, the next are asked all the same", async () => {
  const { ask, put } = watched();
  const refusal = new Error("refused");
  const both = Promise.allSettled([ask("a1"), ask("a2")]);
  await nextTick();
  const next = ask("a3");
  put[0]?.answer((question) =>
    question === "a1" ? { status: "rejected", reason: refusal } : echoed(question),
  );
  expect(await both).toEqual([{ status: "rejected", reason: refusal }, echoed("a2")]);
  const failure = new Error("failed");
  put[1]?.fail(failure);
  await expect(next).rejects.toBe(failure);
  const last = ask("a4");
  await nextTick();
  put[2]?.answer();
  expect(await last).toBe("a4!");
});

test("one that gets no answer holds up nobody for longer than their patience", async () => {
  const { ask, put } = watched(1);
  const slow = ask("a1");
  await nextTick();
  const next = ask("a2");
  while (put.length < 2) await nextTick();
  put[1]?.answer();
  expect(await next).toBe("a2!");
  put[0]?.answer();
  expect(await slow).toBe("a1!");
});
