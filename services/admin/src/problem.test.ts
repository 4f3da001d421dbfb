import { Fault, invalid } from "@portcullis/chassis/fault";
import { describe, expect, test } from "vitest";
import { inWordsOfRequest, problemOf } from "./problem.ts";
import { renames } from "./wire.ts";

describe("a problem", () => {
  test.each([
    ["invalid", 400],
    ["refused", 400],
    ["unauthenticated", 401],
    ["denied", 403],
    ["absent", 404],
    ["conflict", 409],
    ["exhausted", 429],
    ["unavailable", 503],
    ["timeout", 503],
    ["cancelled", 503],
    ["internal", 500],
  ] as const)("%s is %i, and never a success", (kind, status) => {
    const problem = problemOf(new Fault(kind, "why"), "r");
    expect(problem).toMatchObject({ status, body: { error: "why", message: "why" } });
    expect("retry-after" in problem.headers).toBe(status === 429 || status === 503);
  });

  test("says when to try again, in whole seconds, and at least one", () => {
    const waiting = (retryAfterMs: number) => new Fault("unavailable", "x", { retryAfterMs });
    expect(problemOf(waiting(1), "r").headers["retry-after"]).toBe("1");
    expect(problemOf(waiting(2001), "r").headers["retry-after"]).toBe("3");
  });

  test("that nobody expected says only that it is internal", () => {
    for (const thrown of [new Error("password: s3cret"), "s3cret", undefined]) {
      const problem = problemOf(thrown, "r");
      expect(problem.status).toBe(500);
      expect(JSON.stringify(problem)).not.toContain("s3cret");
    }
  });
});

test("what an owner does not find is told in the text of what may not be seen", () => {
  const fault = new Fault("absent", "no such credential", { cause: new Error("from afar") });
  expect(inWordsOfRequest(fault, renames())).toMatchObject({ kind: "absent", message: "no such object" });
});

describe("the field of an owner's fault", () => {
  const fieldOf = renames([/^principal_ids/, "member_users"]);

  test("is named in the words of the request", () => {
    const fault = new Fault("invalid", "principal_ids[2]: no such member", {
      field: "principal_ids[2]",
      cause: new Error("from afar"),
    });
    expect(inWordsOfRequest(fault, fieldOf)).toMatchObject({
      message: "member_users[2]: no such member",
      field: "member_users[2]",
    });
  });

  test("is left alone when the fault is our own, or no fault", () => {
    const own = invalid("principal_ids", "is ours");
    const bug = new Error("x");
    expect(inWordsOfRequest(own, fieldOf)).toBe(own);
    expect(inWordsOfRequest(bug, fieldOf)).toBe(bug);
  });

  test("of a page is that of the query", () => {
    expect(fieldOf("page.starting_after")).toBe("starting_after");
  });
});
