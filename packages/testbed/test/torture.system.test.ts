import { expect, inject, test } from "vitest";
import { torture } from "../src/torture/torture.ts";

const seed = Number(process.env["PORTCULLIS_SEED"] ?? Date.now() % 1_000_000_000);
const seconds = 60;

// Nobody believes a checker that never found anything: systems that are wrong on purpose come first.

const plants = {
  "it answers by what it holds, however fresh that should be": preloading("without-demand.ts"),
  "its memory keeps what events have changed": preloading("without-tombstones.ts"),
};

test.each(Object.entries(plants))(
  "a system is found out: %s",
  { timeout: 200_000 },
  async (_, environment) => {
    const report = await torture({
      databaseServerUrl: inject("databaseUrl"),
      seconds: 12,
      seed,
      environment,
    });

    expect(report.violations.length).toBeGreaterThan(0);
    for (const violation of report.violations) expect(violation).toMatch(/at no closed cut/);
  },
);

function preloading(file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${new URL(`plants/${file}`, import.meta.url).href}` };
}

// A short run of `npm run torture`: everybody writes and asks while parts break, and no answer may be wrong.

test(`no answer is wrong and no write is lost, whatever breaks; seed ${seed}`, {
  timeout: 300_000,
}, async () => {
  const report = await torture({ databaseServerUrl: inject("databaseUrl"), seconds, seed });
  process.stdout.write(`${JSON.stringify({ ...report, violations: report.violations.length })}\n`);
  expect(report.violations).toEqual([]);
  for (const kind of ["minimize_latency", "at_least_as_fresh", "fully_consistent"]) {
    for (const answer of ["allowed", "denied"])
      expect(report.answers[`${kind}: ${answer}`]).toBeGreaterThan(20);
  }
  expect(report.writes["acknowledged"]).toBeGreaterThan(200);
});
