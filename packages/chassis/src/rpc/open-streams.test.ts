import { expect, test } from "vitest";
import { OpenStreams } from "./open-streams.ts";

test("a stream is found from when it opens until it ends", () => {
  const open = new OpenStreams<string>();
  expect(open.set(1, "one").set(3, "three").size).toBe(2);
  expect(open.set(3, "again").size).toBe(2);
  expect([open.get(1), open.get(3), open.get(5)]).toEqual(["one", "again", undefined]);
  expect([open.delete(1), open.delete(1), open.delete(5)]).toEqual([true, false, false]);
  expect([open.get(1), open.size]).toEqual([undefined, 1]);
});

test("all streams that are open are told, though they end meanwhile", () => {
  const open = new OpenStreams<number>();
  for (const id of [1, 3, 5]) open.set(id, id);
  open.delete(3);
  open.set(7, 7);
  const told: number[] = [];
  open.forEach((id) => {
    told.push(id);
    open.delete(id);
  });
  expect(told).toEqual([1, 5, 7]);
  expect(open.size).toBe(0);
});
