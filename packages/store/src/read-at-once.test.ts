import { expect, test } from "vitest";
import { asOneStatement } from "./read-at-once.ts";

test("statements are told apart by what Postgres keeps of a name, however many queries they ask", () => {
  const query = { text: "select 1", values: [] };
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, nth) => [`query_${nth}`, query]));
  const one = asOneStatement(many).name;
  const other = asOneStatement({ ...many, query_20: query }).name;
  expect(Buffer.byteLength(one)).toBeLessThanOrEqual(63);
  expect(other.slice(0, 63)).not.toBe(one.slice(0, 63));
});
