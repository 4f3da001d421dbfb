import { expect, test } from "vitest";
import { History, type Observation } from "../src/history.ts";

const bound = 100;

async function story(): Promise<{ history: History; at: (offset: number) => number }> {
  const history = new History();
  const begin = performance.now();
  await history.change("alice", true, () => Promise.resolve());
  await history.change("alice", false, () => Promise.resolve());
  const end = performance.now();
  return { history, at: (offset) => (offset < 0 ? begin : end) + offset };
}

function seen(subject: string, allowed: boolean, startedAt: number): Observation {
  return { subject, allowed, startedAt, endedAt: startedAt + 1 };
}

test("an allow within the bound after a revocation is forgiven, one past it is not", async () => {
  const { history, at } = await story();
  expect(history.wrongAllows([seen("alice", true, at(bound - 10))], bound)).toEqual([]);
  expect(history.wrongAllows([seen("alice", true, at(bound + 10))], bound)).toHaveLength(1);
});

test("an allow before anything was granted, or of somebody who never was granted anything, is wrong", async () => {
  const { history, at } = await story();
  expect(history.wrongAllows([seen("alice", true, at(-10))], bound)).toHaveLength(1);
  expect(history.wrongAllows([seen("mallory", true, at(10))], bound)).toHaveLength(1);
});

test("a revocation that was never acknowledged excuses an allow, and a grant that never was does not blame a denial", async () => {
  const history = new History();
  await history.change("bob", true, () => Promise.resolve());
  await history.change("bob", false, () => Promise.reject(new Error("cut off"))).catch(() => undefined);
  const later = performance.now() + 10 * bound;
  expect(history.wrongAllows([seen("bob", true, later)], bound)).toEqual([]);
  await history.change("carol", true, () => Promise.reject(new Error("cut off"))).catch(() => undefined);
  expect(history.wrongDenials([seen("carol", false, later)], bound)).toEqual([]);
});

test("a denial is wrong when the grant stood all the time", async () => {
  const history = new History();
  await history.change("dave", true, () => Promise.resolve());
  const granted = performance.now();
  expect(history.wrongDenials([seen("dave", false, granted + bound / 2)], bound)).toEqual([]);
  expect(history.wrongDenials([seen("dave", false, granted + 2 * bound)], bound)).toHaveLength(1);
});
