import { lstatSync, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { Fault } from "./fault.ts";

/** A killed server leaves its socket file behind, and nobody can bind over it. Nothing else that stands there is touched. */
export async function removeStaleSocket(listen: string): Promise<void> {
  if (!listen.startsWith("unix:")) return;
  const path = listen.slice("unix:".length);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new Fault("unavailable", `can't listen on ${listen}: something stands there that is no socket`);
  }
  if (!(await isRefused(path))) {
    throw new Fault("unavailable", `can't listen on ${listen}: another process does`);
  }
  unlinkSync(path);
}

/** Whether nobody listens: who can't be reached for another reason, as one who is too busy, may still be there. */
function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED"));
  });
}
