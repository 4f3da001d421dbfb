import { Fault } from "@portcullis/chassis/fault";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { email, id, listQuery, maybe, name, read, several, withoutEmpty } from "./input.ts";

function refusal(schema: z.ZodType, value: unknown): { message: string; field: string | null } {
  try {
    read(schema, value);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === "invalid") return thrown;
    throw thrown;
  }
  throw new Error("it was taken");
}

const body = z.strictObject({
  name,
  member_users: maybe(z.array(id).max(2)),
  inner: maybe(z.strictObject({ names: maybe(z.array(name)) })),
});

describe("bodies", () => {
  test("an explicit null is an absent field, at every depth", () => {
    const absent = { name: "a", member_users: undefined, inner: undefined };
    expect(read(body, { name: "a" })).toEqual(absent);
    expect(read(body, { name: "a", member_users: null, inner: null })).toEqual(absent);
    expect(read(body, { name: "a", inner: { names: null } })).toMatchObject({ inner: { names: undefined } });
  });

  test.each([
    [{ name: "a", x: 1 }, "Extraneous key 'x' at path []"],
    [{ name: "a", inner: { x: 1 } }, `Extraneous key 'x' at path ["inner"]`],
    [{}, "name: is required"],
    [{ name: null }, "name: is required"],
    [{ name: "a", member_users: ["x"] }, "member_users[0]: must be a UUID"],
    [{ name: "a", inner: { names: ["a", ""] } }, "inner.names[1]: must not be empty"],
    [{ name: "a", inner: { names: ["a", 1] } }, "inner.names[1]: must be a string"],
    [{ name: "a".repeat(256) }, "name: is 256 characters long; at most 255 are allowed"],
    [7, "body: must be an object"],
    [undefined, "body: is required"],
  ])("%j: %s", (value, message) => {
    expect(refusal(body, value).message).toBe(message);
  });

  test("what was sent is not repeated in the error", () => {
    expect(refusal(body, { name: { secret: "s3cret" } }).message).not.toContain("s3cret");
  });

  test("ids are taken in either case and kept in lower case", () => {
    const given = "01A20950-391C-77EE-9660-87912FF37D55";
    expect(read(id, given)).toBe(given.toLowerCase());
  });

  test.each(["a@b", "Ada.L+x@example.com"])("%s is an address", (text) => {
    expect(read(email, text)).toBe(text);
  });

  test.each(["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b\n"])("%j is none", (text) => {
    expect(() => read(email, text)).toThrow(Fault);
  });
});

describe("queries", () => {
  const query = z.object({ ...listQuery, email: several(z.string()) });
  const [a, b] = ["01a20950-391c-77ee-9660-87912ff37d55", "01a20950-391c-77ee-9660-87912ff37d56"];

  test.each([
    [{ ids: [a, b] }, [a, b]],
    [{ ids: `${a},${b}` }, [a, b]],
    [{ ids: [`${a},${b}`, ""] }, [a, b]],
    [{ ids: "" }, []],
    [{}, []],
  ])("ids of %j", (given, ids) => {
    expect(read(query, withoutEmpty(given)).ids).toEqual(ids);
  });

  test("a repeated value may hold a comma", () => {
    expect(read(query, withoutEmpty({ email: ["Doe, J", "x"] })).email).toEqual(["Doe, J", "x"]);
    expect(read(query, withoutEmpty({ email: "x,y" })).email).toEqual(["x", "y"]);
  });

  test("an empty parameter is absent, an unknown one ignored", () => {
    expect(read(query, withoutEmpty({ limit: "", colour: "red" }))).toEqual({ ids: [], email: [] });
    expect(read(query, withoutEmpty({ limit: "10000" })).limit).toBe(10_000);
  });

  test.each([
    [{ limit: "10001" }, "limit: must be at most 10000"],
    [{ limit: "-1" }, "limit: must be a whole number from 0 to 10000"],
    [{ limit: ["1", "2"] }, "limit: must be a string"],
    [{ ids: [a, "x"] }, "ids[1]: must be a UUID"],
  ])("%j: %s", (given, message) => {
    expect(refusal(query, withoutEmpty(given)).message).toBe(message);
  });
});
