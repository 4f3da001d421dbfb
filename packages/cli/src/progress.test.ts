import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { progressOn } from "./progress.ts";

/** All that is written when some work is shown on a stream. */
function shownOn(isTTY: boolean, isWanted: boolean): string {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  {
    using progress = progressOn(stream as unknown as NodeJS.WriteStream, isWanted)("reading");
    progress.expect(2);
    progress.advance(2);
  }
  return String(stream.read() ?? "");
}

test("how far work has come is seen on a terminal alone, and not when nobody wants it", () => {
  expect(shownOn(true, true)).toContain("reading");
  expect(shownOn(false, true)).toBe("");
  expect(shownOn(true, false)).toBe("");
});
