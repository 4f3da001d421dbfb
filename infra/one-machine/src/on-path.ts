import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What an ordinary user's PATH may lack. */
const wellKnown = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin"];

/** Where a program of this name is that may be run; null: nowhere. */
export function onPath(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...wellKnown].filter(
    (folder) => folder !== "",
  );
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
