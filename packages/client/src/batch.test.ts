import { expect, test } from "vitest";
import { batched } from "./batch.ts";

/** Answers each question with its double, and fails those that are negative. */
function doubling() {
  const calls: { kind: string; questions: readonly number[] }[] = [];
  const ask = batched(async (kind: string, questions: readonly number[]) => {
    calls.push({ kind, questions });
    return questions.map((question) => (question < 0 ? new Error(`${question}`) : question * 2));
  });
  return { ask, calls };
}

test("what is asked in one tick is one call, also out of promises of that tick", async () => {
  const { ask, calls } = doubling();
  const answers = await Promise.all([ask("a", 1), ask("a", 2), Promise.resolve().then(() => ask("a", 3))]);
  expect(answers).toEqual([2, 4, 6]);
  expect(calls).toEqual([{ kind: "a", questions: [1, 2, 3] }]);
  expect(await ask("a", 4)).toBe(8);
  expect(calls).toHaveLength(2);
});

test("other kinds go out beside it, and one that fails fails alone", async () => {
  const { ask, calls } = doubling();
  const answers = await Promise.allSettled([ask("a", 1), ask("b", 2), ask("a", -1)]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect(calls.map(({ kind }) => kind)).toEqual(["a", "b"]);
});

test("no call holds more than a thousand", async () => {
  const { ask, calls } = doubling();
  const answers = await Promise.all(Array.from({ length: 2500 }, (_, index) => ask("a", index)));
  expect(answers).toEqual(Array.from({ length: 2500 }, (_, index) => index * 2));
  expect(calls.map(({ questions }) => questions.length)).toEqual([1000, 1000, 500]);
});

test("a call that fails fails all that were in it, and no answer is left out", async () => {
  const failing = batched<number, number>(async () => {
    throw new Error("down");
  });
  await expect(failing("a", 1)).rejects.toThrow("down");
  const short = batched<number, number>(async () => []);
  await expect(short("a", 1)).rejects.toThrow("left without an answer");
});
