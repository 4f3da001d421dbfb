import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "fatal" | "isLevelEnabled"> & {
  child(bindings: Record<string, unknown>): Log;
};

/** Names of fields that never reach a log, wherever they stand. */
const secretFields = ["authorization", "credential", "secret", "api_key", "apiKey", "password", "token"];

/** A log of one process: JSON lines on standard output. */
export function openLog(service: string, level: string): Log {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" },
  });
}
