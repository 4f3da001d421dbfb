import { defineConfig } from "vitest/config";

/** The unit tests of what is mutated, in a fixed order with few worlds, so that a run is the same each time. */
export default defineConfig({
  test: {
    include: ["packages/{policy,facts}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.system.test.ts"],
  },
});
