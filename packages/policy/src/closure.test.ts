import { describe, expect, test } from "vitest";
import { reachable, shortestPath } from "./closure.ts";

const edges: Readonly<Record<string, readonly string[]>> = {
  a: ["b", "c"],
  b: ["d"],
  c: ["d"],
  d: ["e"],
  e: ["a"],
  alone: ["alone"],
};
const next = (node: string) => edges[node] ?? [];

describe("reachable", () => {
  test("holds the starts and all behind them, through a diamond and a cycle, each once", () => {
    expect([...reachable(["a"], next)]).toEqual(["a", "b", "c", "d", "e"]);
    expect([...reachable(["d", "alone"], next)]).toEqual(["d", "alone", "e", "a", "b", "c"]);
  });

  test("is empty from nowhere", () => {
    expect(reachable([], next).size).toBe(0);
  });
});

describe("shortestPath", () => {
  test("names both ends and takes no detour", () => {
    expect(shortestPath(["a"], next, (node) => node === "e")).toEqual(["a", "b", "d", "e"]);
    expect(shortestPath(["a", "c"], next, (node) => node === "e")).toEqual(["c", "d", "e"]);
  });

  test("is the start alone when that is a goal", () => {
    expect(shortestPath(["b", "a"], next, (node) => node === "a")).toEqual(["a"]);
  });

  test("is null when no goal can be reached, also on a cycle", () => {
    expect(shortestPath(["alone"], next, (node) => node === "a")).toBeNull();
    expect(shortestPath([], next, () => true)).toBeNull();
  });
});
