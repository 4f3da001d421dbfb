import type { Log } from "@portcullis/chassis/log";

const silent = (): void => undefined;

/** What an application should hear of our own parts in its process, on standard error; a library has no log of its own. */
export function tellingLog(): Log {
  const tell = (...[fields, message]: readonly unknown[]): void => {
    const reason = typeof fields === "object" && fields !== null && "reason" in fields ? fields.reason : "";
    process.stderr.write(`portcullis: ${String(message)}: ${String(reason)}\n`);
  };
  const log: Log = {
    debug: silent,
    info: silent,
    warn: tell,
    error: tell,
    fatal: tell,
    isLevelEnabled: () => false,
    child: () => log,
  };
  return log;
}
