import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { serviceNames } from "../src/system.ts";

test.each([...serviceNames, "sidecar"])(
  "%s without configuration says what is missing in one line, and fails",
  (service) => {
    const main = fileURLToPath(new URL(`../../../services/${service}/src/main.ts`, import.meta.url));
    const { status, stderr, stdout } = spawnSync(process.execPath, [main], { env: {}, encoding: "utf8" });
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      new RegExp(`^${service}: bad configuration: [^\\n]*PORTCULLIS_LISTEN: is required[^\\n]*\\n$`),
    );
  },
);
