import { expect, test, vi } from "vitest";
import { z } from "zod";
import { sealing } from "./sealed.ts";

const shape = z.object({ who: z.string() });
const secret = "a secret of more than thirty-two characters";
const { seal, open } = sealing(secret, "tests", shape);

test("what was sealed is opened again, and cannot be read meanwhile", async () => {
  const sealed = await seal({ who: "ada@example.com" }, 60);
  expect(await open(sealed)).toEqual({ who: "ada@example.com" });
  for (const part of sealed.split("."))
    expect(Buffer.from(part, "base64url").toString()).not.toContain("ada");
  expect(await seal({ who: "ada@example.com" }, 60)).not.toBe(sealed);
});

test("what was sealed with another secret, or for another purpose, is nothing", async () => {
  expect(await open(await sealing(`${secret}!`, "tests", shape).seal({ who: "eve" }, 60))).toBeNull();
  expect(await open(await sealing(secret, "others", shape).seal({ who: "eve" }, 60))).toBeNull();
});

test("every changed character is noticed", async () => {
  const sealed = await seal({ who: "ada" }, 60);
  for (let index = 0; index < sealed.length; index++) {
    const other = sealed[index] === "A" ? "Q" : "A";
    expect(await open(sealed.slice(0, index) + other + sealed.slice(index + 1))).toBeNull();
  }
});

test("arbitrary text, and a token that is only signed or not at all, is nothing", async () => {
  const unsecured = `${btoa('{"alg":"none"}')}.${btoa('{"value":{"who":"eve"},"exp":9999999999}')}.`;
  for (const text of ["", "....", "a.b.c.d.e", unsecured, "ü"]) expect(await open(text)).toBeNull();
});

test("it is good for its time and no longer", async () => {
  vi.useFakeTimers();
  try {
    const sealed = await seal({ who: "ada" }, 60);
    vi.advanceTimersByTime(59_000);
    expect(await open(sealed)).not.toBeNull();
    vi.advanceTimersByTime(1000);
    expect(await open(sealed)).toBeNull();
  } finally {
    vi.useRealTimers();
  }
});
