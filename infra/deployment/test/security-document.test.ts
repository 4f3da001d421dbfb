import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = new URL("../../../", import.meta.url);
const document = readFileSync(new URL("docs/security.md", root), "utf8");

/** As the document names tests: a file, and mostly the title of a test in it. */
const named = [...document.matchAll(/`([^`\s]+\.test\.ts)`(?: \*([^*]+)\*)?/g)].map(
  ([, file = "", title]) => ({
    file,
    title,
  }),
);

test("the document names tests for what it promises", () => {
  expect(named.length).toBeGreaterThan(100);
});

test("every file and title that it names exists", () => {
  const missing = named.filter(({ file, title }) => !isThere(file, title));
  expect(missing.map(({ file, title }) => `${file}: ${title}`)).toEqual([]);
});

test("a title that nobody has is noticed", () => {
  const { file, title = "" } = named.find((test) => test.title !== undefined) ?? { file: "" };
  expect(isThere(file, title)).toBe(true);
  expect(isThere(file, title.slice(1))).toBe(false);
  expect(isThere("there/is/no-such.test.ts", undefined)).toBe(false);
});

test("each threat has a test, or it is said that there is none", () => {
  const threats = document
    .split("\n## ")
    .filter((section) => /^(What went wrong|Door by door)/.test(section))
    .flatMap((section) => section.split("\n").filter((line) => line.startsWith("| ")))
    .filter((line) => !line.endsWith(" | test |"));
  expect(threats.length).toBeGreaterThan(80);
  expect(threats.filter((threat) => !/\.test\.ts`[^|]*\|$|\bno test\b[^|]*\|$/.test(threat))).toEqual([]);
});

/** A title stands whole between its quotes. */
function isThere(file: string, title: string | undefined): boolean {
  const path = fileURLToPath(new URL(file, root));
  if (!existsSync(path)) return false;
  if (title === undefined) return true;
  const text = readFileSync(path, "utf8");
  return ['"', "'", "`"].some((quote) => text.includes(`${quote}${title}${quote}`));
}
