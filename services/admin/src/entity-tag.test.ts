import { expect, test } from "vitest";
import { weakEntityTag } from "./entity-tag.ts";

test("a tag changes with what it is of, and not with the last use of a key", () => {
  const key = { id: "1", name: "laptop", last_used_at: null };
  expect(weakEntityTag({ ...key, last_used_at: "2030-01-01T00:00:00.000Z" })).toBe(weakEntityTag(key));
  expect(weakEntityTag({ ...key, name: "desktop" })).not.toBe(weakEntityTag(key));
  expect(weakEntityTag(key)).toMatch(/^W\/"[\w-]{22}"$/);
});
