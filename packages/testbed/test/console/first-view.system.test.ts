import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, inject, test } from "vitest";

// How much of a page must come before it can be used.

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly isEntry?: boolean;
}

const bytesMax = 200_000;

test("sign-in and members take less than 200 kB of compressed JavaScript", () => {
  const folder = inject("consoleFolder");
  const manifest = JSON.parse(readFileSync(join(folder, ".vite/manifest.json"), "utf8")) as Record<
    string,
    Chunk
  >;
  const entry = Object.keys(manifest).find((key) => manifest[key]?.isEntry === true);
  const files = new Set<string>();
  const add = (key: string | undefined): void => {
    const chunk = key === undefined ? undefined : manifest[key];
    expect(chunk, `the manifest has no ${key}`).toBeDefined();
    if (chunk === undefined || files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const next of chunk.imports ?? []) add(next);
  };
  add(entry);
  add("src/pages/members/members.tsx");
  expect(files.size).toBeGreaterThan(1);
  const bytes = [...files].map((file) => gzipSync(readFileSync(join(folder, file))).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(bytesMax);
});
