// The chart, and the manifests that it makes: rendered by helm, which not every machine has, and kept beside it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../helm/", import.meta.url));
const chart = join(folder, "portcullis");
const values = join(folder, "rendered/everything.values.yaml");
export const rendered = join(folder, "rendered/everything.yaml");
const how = ["--kube-version", "1.34.0", "--values", values];

/** The first line of what was rendered: of which chart and values it is. */
export function originOfManifests(): string {
  const hash = createHash("sha256");
  const files = readdirSync(chart, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const file of [...files, values]) {
    const content = readFileSync(file);
    hash.update(`${file.slice(folder.length)} ${content.length}\n`).update(content);
  }
  return `# rendered from ${hash.digest("hex")}`;
}

export function hasHelm(): boolean {
  try {
    helm("version");
    return true;
  } catch {
    return false;
  }
}

export function lintChart(): void {
  helm("lint", chart, "--strict", ...how);
}

/** What is kept as {@link rendered}. */
export function renderChart(): string {
  return `${originOfManifests()}\n${helm("template", "portcullis", chart, "--namespace", "portcullis", ...how)}`;
}

/** Throws with what helm says against it. */
function helm(...args: readonly string[]): string {
  return execFileSync("helm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
