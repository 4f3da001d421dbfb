import { expect, test } from "vitest";
import { equalities, fits, parseFilter, parsePath } from "./filter.ts";
import { groupType, userType } from "./schema.ts";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const ada = {
  id: "1",
  userName: "Ada",
  externalId: "X",
  active: true,
  title: 'a "countess" \\ é',
  name: { familyName: "Lovelace" },
  emails: [
    { value: "ada@work.example", type: "work", primary: true },
    { value: "ada@home.example", type: "home" },
  ],
  [enterprise]: { department: "Engines", manager: { value: "7" } },
  meta: { created: "2026-01-02T03:04:05.000Z" },
};

test.each([
  'userName eq "ada"',
  'USERNAME EQ "ADA"',
  'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada"',
  'externalId eq "X"',
  "active eq true",
  'active eq "True"',
  "active ne False",
  'title eq "a \\"countess\\" \\\\ \\u00e9"',
  'name.familyName co "love"',
  'userName sw "a" and userName ew "A"',
  'userName gt "aaa" and userName lt "b" and userName ge "ada" and userName le "ADA"',
  'emails eq "ada@home.example"',
  'emails.value eq "ADA@WORK.example"',
  'emails[type eq "work" and value co "@work"]',
  'emails[type eq "home"].value eq "ada@home.example"',
  "emails[primary eq true]",
  "emails pr and not (nickName pr)",
  "nickName eq null",
  "title ne null",
  'nickName ne "x"',
  `${enterprise}:department eq "engines"`,
  `${enterprise.toUpperCase()}:MANAGER.value eq "7"`,
  `${enterprise}:manager eq "7"`,
  'meta.created gt "2026-01-02T04:04:00+01:00"',
  'meta.created eq "2026-01-02T04:04:05+01:00"',
  // "and" binds more tightly than "or".
  'userName eq "ada" or userName eq "x" and title eq "x"',
  'not (userName eq "x" or title eq "x")',
])("%s fits", (text) => {
  expect(fits(parseFilter(userType, text), ada)).toBe(true);
});

test.each([
  'userName eq "eve"',
  'externalId eq "x"',
  "active eq false",
  'title eq "countess"',
  'emails[type eq "home" and value co "@work"]',
  'emails[type eq "home"].value eq "ada@work.example"',
  'emails ne "ada@home.example"',
  "nickName pr",
  'nickName sw ""',
  'colour eq "red"',
  "colour pr",
  'emails[colour eq "red"]',
  'colour[type eq "x"]',
  `${enterprise}:salary eq "1"`,
  '(userName eq "ada" or userName eq "x") and title eq "x"',
  'groups eq "x"',
])("%s does not fit", (text) => {
  expect(fits(parseFilter(userType, text), ada)).toBe(false);
});

test.each([
  "",
  "userName",
  "userName eq",
  "userName eq Ada",
  'userName eq "Ada',
  'userName eq "\\x"',
  'userName is "ada"',
  'userName eq "ada" userName eq "ada"',
  '(userName eq "ada"',
  'userName eq "ada")',
  'not userName eq "ada"',
  'emails[type eq "work"',
  'emails[type eq "work"].colour eq "x"',
  "userName gt null",
  "userName eq 1",
  "active gt true",
  'active eq "perhaps"',
  'name eq "x"',
  'and eq "x" and',
  '"userName" eq "x"',
  "userName eq {}",
])("%s is refused", (text) => {
  expect(() => parseFilter(userType, text)).toThrow(
    expect.objectContaining({ kind: "invalid", scimType: "invalidFilter" }),
  );
});

test("has limits: 1,000 characters, 50 terms, 10 levels", () => {
  const refused = (text: string, reason: RegExp) => expect(() => parseFilter(userType, text)).toThrow(reason);
  const long = (characters: number) => `title eq "${"x".repeat(characters - 11)}"`;
  parseFilter(userType, long(1000));
  refused(long(1001), /1001 characters long; at most 1000/);
  const terms = (count: number) => Array.from({ length: count }, () => "id pr").join(" or ");
  parseFilter(userType, terms(50));
  refused(terms(51), /more than 50 terms/);
  const nested = (depth: number) => `${"(".repeat(depth)}id pr${")".repeat(depth)}`;
  parseFilter(userType, nested(10));
  refused(nested(11), /deeper than 10 levels/);
});

test("what every fitting resource is equal to is found, and nothing else", () => {
  const of = (text: string) => Object.fromEntries(equalities(parseFilter(userType, text)));
  expect(of('USERNAME eq "ada" and (active eq true and externalid eq "x")')).toEqual({
    userName: "ada",
    externalId: "x",
  });
  expect(of('emails[type eq "work" and value eq "a"]')).toEqual({
    "emails.type": "work",
    "emails.value": "a",
  });
  expect(of('emails eq "a"')).toEqual({ "emails.value": "a" });
  expect(of('userName eq "ada" or userName eq "eve"')).toEqual({});
  expect(of('not (userName eq "ada") and userName ne "x" and title pr')).toEqual({});
  expect(Object.fromEntries(equalities(parseFilter(groupType, 'members[value eq "1"]')))).toEqual({
    "members.value": "1",
  });
});

test("paths are read in all their forms", () => {
  const shown = (text: string) => {
    const { ref, filter, part } = parsePath(userType, text, "path");
    return [ref.map(({ name }) => name), filter !== null, part?.map(({ name }) => name) ?? null];
  };
  expect(shown("UserName")).toEqual([["userName"], false, null]);
  expect(shown("name.givenname")).toEqual([["name", "givenName"], false, null]);
  expect(shown('emails[type eq "x]"]')).toEqual([["emails"], true, null]);
  expect(shown('emails[type eq "work"].VALUE')).toEqual([["emails"], true, ["value"]]);
  expect(shown(enterprise)).toEqual([[enterprise], false, null]);
  expect(shown(`${enterprise}:manager.value`)).toEqual([[enterprise, "manager", "value"], false, null]);
});

test.each([
  "colour",
  "",
  "emails[",
  'emails[type eq "work"',
  'emails[type eq "work"].colour',
  "title[value pr]",
  "title x",
  "name.",
  "urn:x:y",
])("the path %s is refused", (text) => {
  expect(() => parsePath(userType, text, "path")).toThrow(
    expect.objectContaining({ kind: "invalid", scimType: "invalidPath" }),
  );
});
