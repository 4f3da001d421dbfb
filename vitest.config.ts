import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const servers = "infra/one-machine/src/servers-for-tests.ts";
const system = {
  globalSetup: [servers],
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // What is waited for comes late where many processes share few cores.
  expect: { poll: { timeout: 15_000 } },
};

/** Tests that tell how long something takes, or take all there is, have the machine to themselves. */
const measuring = [
  "packages/testbed/test/deep-and-wide.system.test.ts",
  "packages/testbed/test/rest/many-administrators.system.test.ts",
  "packages/testbed/test/revocation.system.test.ts",
  "packages/testbed/test/torture.system.test.ts",
  "services/decision/test/overload.system.test.ts",
];

/** Tests of many machines' parts on one, which is busy with them: run by themselves, by `pnpm test:machines`. */
const machines = [
  "packages/testbed/test/envoy.system.test.ts",
  "packages/testbed/test/redis-cluster.system.test.ts",
  "packages/testbed/test/redis-sentinel.system.test.ts",
  "packages/testbed/test/replicas.system.test.ts",
];

/** Tests that use the console in a browser. */
const browser = "packages/testbed/test/console/**/*.system.test.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,services,infra,bench,proto}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.system.test.ts"],
          maxWorkers: "100%",
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...system,
          name: "system",
          include: ["{packages,services,infra,bench}/**/*.system.test.ts"],
          exclude: ["**/node_modules/**", browser, ...measuring, ...machines],
          // They wait more than they work.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...system,
          name: "browser",
          globalSetup: [servers, "infra/one-machine/src/console-for-tests.ts"],
          include: [browser],
          testTimeout: 180_000,
          expect: { poll: { timeout: 60_000 } },
          hookTimeout: 240_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...system,
          name: "measuring",
          include: measuring,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...system,
          name: "machines",
          include: machines,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
