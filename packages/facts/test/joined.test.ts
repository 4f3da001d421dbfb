import { describe, expect, test } from "vitest";
import { joined } from "../src/joined.ts";
import type { FactRequest, FactSource } from "../src/source.ts";
import { aliceIsMember, org } from "./reading-world.ts";

/** A source that answers when it is told to. */
function slowSource() {
  const batches: { readonly requests: readonly FactRequest[]; readonly answer: () => void }[] = [];
  const source: FactSource = {
    load: (requests) =>
      new Promise((resolve) => {
        const facts = requests.map(({ key, incarnation, notBefore }) => ({
          key,
          incarnation,
          lo: 0,
          hi: notBefore,
          value: null,
          layer: "owner" as const,
        }));
        batches.push({ requests, answer: () => resolve(facts) });
      }),
  };
  return { batches, source };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));
const request = (notBefore: number, incarnation = "first"): FactRequest => ({
  key: aliceIsMember,
  incarnation,
  notBefore,
  isAhead: false,
});

describe("a flight", () => {
  test("is joined by whoever asks for the same fact while it is under way", async () => {
    const { batches, source } = slowSource();
    const joint = joined(source);
    const first = joint.load([request(1)]);
    await tick();
    const second = joint.load([request(1)]);
    await tick();
    expect(batches).toHaveLength(1);
    batches[0]?.answer();
    expect(await first).toEqual(await second);
  });
  test.each([
    ["who needs a later position", request(2)],
    ["who follows another history", request(1, "second")],
    [
      "who asks about another organisation",
      { ...request(1), key: { ...aliceIsMember, org: `${org}x` as typeof org } },
    ],
  ])("is not joined by one %s", async (_what, other) => {
    const { batches, source } = slowSource();
    const joint = joined(source);
    const first = joint.load([request(1)]);
    await tick();
    const second = joint.load([other]);
    await tick();
    expect(batches.map(({ requests }) => requests)).toEqual([[request(1)], [other]]);
    for (const { answer } of batches) answer();
    expect((await second)[0]).toMatchObject({
      hi: other.notBefore,
      incarnation: other.incarnation,
      key: other.key,
    });
    await first;
  });
  test("that has landed is not joined any more", async () => {
    const { batches, source } = slowSource();
    const joint = joined(source);
    for (const landed of [1, 2]) {
      const loading = joint.load([request(1)]);
      await tick();
      expect(batches).toHaveLength(landed);
      batches.at(-1)?.answer();
      await loading;
    }
  });
  test("whose source breaks breaks for all of them, and for nobody after them", async () => {
    const { batches, source } = slowSource();
    let isBroken = true;
    const joint = joined({
      load: (requests) => (isBroken ? Promise.reject(new Error("broken")) : source.load(requests)),
    });
    await expect(Promise.all([joint.load([request(1)]), joint.load([request(1)])])).rejects.toThrow("broken");
    isBroken = false;
    const again = joint.load([request(1)]);
    await tick();
    batches[0]?.answer();
    expect(await again).toHaveLength(1);
  });
});
