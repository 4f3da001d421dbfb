import { type ThrowawayPostgres, throwawayPostgres } from "@portcullis/one-machine/postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DisturbanceName, disturbances } from "../src/torture/disturbances.ts";
import { torture } from "../src/torture/torture.ts";

const seed = Number(process.env["PORTCULLIS_SEED"] ?? Date.now() % 1_000_000_000);
const seconds = 35;

let postgres: ThrowawayPostgres;
beforeAll(async () => {
  postgres = await throwawayPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

// Nobody believes a checker that never found anything: systems that are wrong on purpose come first. They run side by
// side, so nothing is done to the Postgres that they share.

const gentle: readonly DisturbanceName[] = [
  "kill a service",
  "lose watermarks, or all but them",
  "slow down what goes between two services",
];
const plants = {
  "it answers by what it holds, however far its watermark has come": "without-demand.ts",
  "its memory keeps what events have changed": "without-tombstones.ts",
};

/** What is wrong shows when things meet, which a short run may miss; not so many of them. */
const runsMax = 5;

test.concurrent.each(Object.entries(plants))(
  "a system is found out: %s",
  { timeout: 400_000 },
  async (_, file) => {
    const violations: string[] = [];
    for (let run = 0; run < runsMax && violations.length === 0; run++) {
      const report = await torture({
        postgres,
        seconds: 12,
        seed: seed + run,
        only: gentle,
        environment: preloading(file),
      });
      violations.push(...report.violations);
    }
    expect(violations.length).toBeGreaterThan(0);
    for (const violation of violations) expect(violation).toMatch(/at no closed cut/);
  },
);

function preloading(file: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${new URL(`plants/${file}`, import.meta.url).href}` };
}

// A short run of `npm run torture`: everybody writes and asks while parts break, and no answer may be wrong.

test(`no answer is wrong and no write is lost, whatever breaks; seed ${seed}`, {
  timeout: 400_000,
}, async () => {
  const report = await torture({ postgres, seconds, seed });
  process.stdout.write(`${JSON.stringify({ ...report, violations: report.violations.length })}\n`);
  expect(report.violations).toEqual([]);
  for (const kind of ["minimize_latency", "at_least_as_fresh", "fully_consistent"]) {
    for (const answer of ["allowed", "denied"])
      expect(report.answers[`${kind}: ${answer}`]).toBeGreaterThan(20);
  }
  for (const owner of ["groups", "grants"]) {
    expect(report.writes[`${owner}: acknowledged`]).toBeGreaterThan(100);
  }
  for (const owner of ["identity", "tokens"]) {
    expect(report.writes[`${owner}: acknowledged`]).toBeGreaterThan(10);
  }
  expect(report.told).toBeGreaterThan(200);
  // All but one can be done everywhere.
  expect(Object.keys(report.disturbances).length).toBeGreaterThanOrEqual(
    Object.keys(disturbances).length - 1,
  );
});
