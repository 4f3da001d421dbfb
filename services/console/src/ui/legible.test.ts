import { expect, test } from "vitest";
import { labelOf, nameOf } from "../api/directory.ts";
import { legible } from "./legible.ts";

test.each([
  ["Own\u200bers", "Own\ufffders"],
  ["Own\u200ders", "Own\ufffders"],
  ["Owners\u200c", "Owners\ufffd"],
  ["Owners\ufe0f", "Owners\ufffd"],
  ["\u202esrenwO", "\ufffdsrenwO"],
  ["Owners\u2066", "Owners\ufffd"],
  ["Own\u00aders", "Own\ufffders"],
  ["\u3164", "\ufffd"],
  ["Owners ", "Owners\u2423"],
  [" Owners", "\u2423Owners"],
  ["Site  Owners", "Site \u2423Owners"],
  ["Site\u00a0Owners", "Site\u2423Owners"],
  ["Site\nOwners", "Site\u2423Owners"],
])("a name that looks like another by what nobody sees is told from it: %j", (name, shown) => {
  expect(legible(name)).toBe(shown);
  expect(labelOf({ name })).toBe(shown);
  expect(nameOf({ id: "", given_name: name, family_name: null, email: null })).toBe(shown);
});

test.each(["Zoë O'Hara-李", "می\u200cخواهم", "👩\u200d💻 crew", "We ❤\ufe0f data", "שלום", "क्\u200dष"])(
  "a name of any script stays as it is: %s",
  (name) => expect(legible(name)).toBe(name),
);

test("a name of empty parts is none", () => {
  expect(nameOf({ id: "", given_name: "", family_name: "", email: "a@b.example" })).toBe("a@b.example");
});
