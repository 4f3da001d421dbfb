// What Kubernetes ignores, as a field whose name is misspelled, the compiler refuses in a literal.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));
const options = [
  "--ignoreConfig",
  "--noEmit",
  "--strict",
  "--skipLibCheck",
  "--module",
  "nodenext",
  "--types",
  "",
];

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** What the compiler has against these as what their kinds are; empty if nothing. */
export function faultsOf(manifests: readonly Manifest[]): string {
  // Where the types are found.
  const folder = mkdtempSync(join(modules, ".manifests-"));
  try {
    const file = join(folder, "manifests.mts");
    writeFileSync(
      file,
      manifests
        .map(({ apiVersion, kind, ...fields }, index) => {
          const type = `import("kubernetes-models/${apiVersion}/${kind}").I${kind}`;
          return `export const _${index}: ${type} = ${JSON.stringify({ apiVersion, kind, ...fields })};\n`;
        })
        .join(""),
    );
    const { error, stdout } = spawnSync("tsc", [...options, file], { encoding: "utf8" });
    if (error !== undefined) throw error;
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
