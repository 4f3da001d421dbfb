import { expect, test } from "vitest";
import { csvOf } from "./csv.ts";

test("cells with commas, quotes and line ends are quoted", () => {
  expect(csvOf(["a", "b"], [['say "hi", twice', "two\nlines"]])).toBe(
    'a,b\r\n"say ""hi"", twice","two\nlines"\r\n',
  );
});

test.each(["=1+1", "+1", "-1", "@cmd", "\tx"])("no spreadsheet takes %j for a formula", (text) => {
  expect(csvOf(["a"], [[text]])).toContain(`'${text}`);
});
