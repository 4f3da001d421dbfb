import { flushCompileCache } from "node:module";
import type { z } from "zod";
import { ConfigurationError, readConfig } from "./config.ts";
import { Fault } from "./fault.ts";
import { type Log, openLog } from "./log.ts";
import type { Need } from "./need.ts";
import { traceBy } from "./trace/trace.ts";
import { areTracesWanted } from "./trace/wanted.ts";

export interface Running extends AsyncDisposable {
  readonly address: string;
  /** Without these it can't do its work; see `/readyz`. */
  readonly needs: readonly Need[];
}

/**
 * The life of a process: reads its configuration, starts, waits for a signal, and undoes what it started.
 * Bad configuration and a start that fails end it with one line and exit code 1.
 */
export async function run<Shape extends z.ZodRawShape>(
  service: string,
  schema: z.ZodObject<Shape>,
  start: (config: z.infer<z.ZodObject<Shape>>, log: Log) => Promise<Running>,
): Promise<void> {
  try {
    const config = readConfig(schema, process.env);
    const setting = (name: string): string | null => {
      const value: unknown = Reflect.get(config, name);
      return typeof value === "string" ? value : null;
    };
    const log = openLog(service, setting("PORTCULLIS_LOG_LEVEL") ?? "info");
    process.on("uncaughtException", (error) => {
      log.fatal({ err: error }, "uncaught exception");
      process.exit(1);
    });
    // First, and last to end: whatever is opened may be traced.
    await using _tracing = await tracingOf(service, log);
    let needs: readonly Need[] | null = null;
    // Before the start, which may take long where tables must be brought up to date, and until all else has ended.
    await using metrics = await metricsOf(service, setting("PORTCULLIS_METRICS_LISTEN"), () => needs);
    await using running = await start(config, log);
    needs = running.needs;
    log.info({ address: running.address, ...(metrics && { metrics: metrics.address }) }, "listening");
    flushCompileCache(); // now, as a process that is killed has no later
    const signal = await stopSignal();
    needs = null;
    log.info({ signal }, "stopping");
    // What waits for a part that is gone for good must not keep a stopped process alive either.
    setTimeout(() => {
      log.warn("stopping took too long");
      process.exit(1);
    }, longestStopMs).unref();
  } catch (error) {
    process.stderr.write(`${service}: ${reason(error)}\n`);
    process.exitCode = 1;
  }
  // Handles that a library forgot must not keep a stopped process alive.
  setTimeout(() => process.exit(), 3000).unref();
}

/** The life of a command: reads its configuration and does its work. A failure is one line and exit code 1. */
export async function runCommand<Shape extends z.ZodRawShape>(
  command: string,
  schema: z.ZodObject<Shape>,
  work: (config: z.infer<z.ZodObject<Shape>>) => Promise<void>,
): Promise<void> {
  process.stdout.once("error", (error: Error) => {
    process.stderr.write(`${command}: nobody reads what it says: ${error.message}\n`);
    process.exit(1);
  });
  try {
    await work(readConfig(schema, process.env));
  } catch (error) {
    process.stderr.write(`${command}: ${reason(error)}\n`);
    process.exitCode = 1;
  }
}

const longestStopMs = 8000;

/** Null: nobody watches, and nothing is loaded for it. */
async function metricsOf(service: string, listen: string | null, needs: () => readonly Need[] | null) {
  if (listen === null) return null;
  const { serveMetrics } = await import("./metrics/serve-metrics.ts");
  return await serveMetrics({ listen, service, needs });
}

/** Null: nobody asked for traces, and nothing is loaded for them. */
async function tracingOf(service: string, log: Log) {
  if (!areTracesWanted(process.env)) return null;
  const { startTracing } = await import("./trace/open-telemetry.ts");
  const tracing = startTracing(service, process.env, log);
  traceBy(tracing.tracer);
  return tracing;
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(signal));
  });
}

function reason(error: unknown): string {
  if (error instanceof ConfigurationError || error instanceof Fault) return error.message;
  return error instanceof Error ? `can't start: ${error.message || error.name}` : "can't start";
}
