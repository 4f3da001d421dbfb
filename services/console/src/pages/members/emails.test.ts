import { expect, test } from "vitest";
import { readEmails } from "./emails.ts";

test("addresses are read one per line, without empty lines, repetitions and commas at the end", () => {
  expect(readEmails(" Ada@example.com,\r\n\nbob@example.com;\nada@example.com\n")).toEqual({
    emails: ["ada@example.com", "bob@example.com"],
    wrong: null,
  });
});

test("the first line that holds no address is named", () => {
  expect(readEmails("ada@example.com\n\nbob at example\nnobody").wrong).toEqual({
    line: 3,
    text: "bob at example",
  });
});
