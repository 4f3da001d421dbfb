import { Fault } from "@portcullis/chassis/fault";

/** SQLSTATE classes and codes that mean: not now, rather than: never. */
const passing = [
  /^08/, // connection
  /^53/, // out of memory, disk or connections
  /^57/, // shut down, cancelled, timed out
  /^40/, // deadlock, serialisation
  /^55P03$/, // lock not available
  /^25P0[34]$/, // idle or transaction timeout
  /^58/, // I/O
];

/** What a failure of the database means to a caller; Faults and bugs pass through. */
export function databaseFault(error: unknown): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  const code = codeOf(error);
  const unreachable =
    code === null
      ? /connection|timeout exceeded|terminat|ECONN|socket/i.test(error.message)
      : /^E[A-Z]+$/.test(code) || passing.some((pattern) => pattern.test(code));
  return unreachable
    ? new Fault("unavailable", "the database is not available", { cause: error, retryAfterMs: 1000 })
    : error;
}

/** Too many wait to write to the organisation already. */
export function tooBusy(): Fault {
  return new Fault("unavailable", "the organization is being written to", { retryAfterMs: 1000 });
}

function codeOf(error: Error): string | null {
  return "code" in error && typeof error.code === "string" ? error.code : null;
}
