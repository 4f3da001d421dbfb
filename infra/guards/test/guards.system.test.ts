import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Copy } from "./copy.ts";
import { acrossPackages, declared, insidePackages } from "./plants.ts";

/** Far fewer than there are, and far more than a guard sees that looks in the wrong place. */
const filesMin = 100;

let copy: Copy;

beforeAll(() => {
  copy = new Copy();
});

afterAll(() => copy[Symbol.dispose]());

describe("across packages", () => {
  let said = "";

  beforeAll(async () => {
    using _planted = copy.plant(acrossPackages);
    said = await copy.run("turbo", ["boundaries"]);
  });

  test("the guard looks at the whole repository", () => {
    expect(Number(/Checked (\d+) files/.exec(said)?.[1])).toBeGreaterThan(filesMin);
  });

  test.each(acrossPackages)("is refused: $rule", ({ path }) => {
    expect(said).toContain(path);
  });
});

describe("in manifests", () => {
  test("every package says which rules it is under", () => {
    const untagged = copy.packages().filter((folder) => {
      const { tags = [] } = copy.readJson<{ tags?: string[] }>(`${folder}/turbo.json`);
      return !tags.some((tag) => kinds.has(tag));
    });
    expect(untagged).toEqual([]);
  });

  test.each(declared)("is refused: $folder depends on $dependency", async ({ folder, dependency }) => {
    using _planted = copy.plant([{ path: `${folder}/plant.ts`, code: `import "${dependency}";\n` }]);
    using manifest = copy.declare(folder, dependency);
    const said = (await copy.run("turbo", ["boundaries"])).replaceAll(/[\s|]+/g, " ");
    expect(said).toMatch(new RegExp(`Package \`${dependency}\` found .{0,40}list for \`${manifest.name}\``));
  });
});

const kinds = new Set(["pure", "contract", "shared", "service", "testbed"]);

interface Diagnostic {
  readonly filename: string;
  readonly code: string;
}

describe("inside packages", () => {
  let report: { readonly diagnostics: readonly Diagnostic[]; readonly number_of_files: number };

  beforeAll(async () => {
    using _planted = copy.plant(insidePackages);
    report = JSON.parse(await copy.run("oxlint", ["--format=json"])) as typeof report;
  });

  test("the guard looks at the whole repository", () => {
    expect(report.number_of_files).toBeGreaterThan(filesMin);
  });

  test.each(insidePackages)("is refused: $rule", ({ path, lint }) => {
    expect(report.diagnostics).toContainEqual(expect.objectContaining({ filename: path, code: lint }));
  });
});
