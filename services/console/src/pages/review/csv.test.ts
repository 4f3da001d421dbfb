import { expect, test } from "vitest";
import { csvOf } from "./csv.ts";

test("cells with commas, quotes and line ends are quoted", () => {
  expect(csvOf(["a", "b"], [['say "hi", twice', "two\nlines"]])).toBe(
    'a,b\r\n"say ""hi"", twice","two\nlines"\r\n',
  );
});

test.each(["=1+1", "+1", "-1", "@cmd", "\tx", "＝1+1", "＋1", "－1", "＠cmd"])(
  "no spreadsheet takes %j for a formula",
  (text) => {
    expect(csvOf(["a"], [[text]])).toContain(`'${text}`);
  },
);

test.each([
  ["Team;=1+1", "Team;'=1+1"],
  ["Team; @cmd", "Team; '@cmd"],
  ["Team\t=1+1", "Team\t'=1+1"],
  ["Team\n-1", '"Team\n\'-1"'],
  ["a;b - c=d", "a;b - c=d"],
])("of %j no part is a formula to a spreadsheet that parts cells by something else", (text, shown) => {
  expect(csvOf(["a"], [[text]])).toBe(`a\r\n${shown}\r\n`);
});
