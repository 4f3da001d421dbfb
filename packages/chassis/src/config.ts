import { readFileSync } from "node:fs";
import { z } from "zod";

/** Bad configuration: one line that names every key that is wrong. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** Reads the configuration out of the environment, and tells all that is wrong with it at once. Empty is absent. */
export function readConfig<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<Shape>> {
  const given = Object.fromEntries(
    Object.keys(schema.shape)
      .map((key) => [key, environment[key]] as const)
      .filter(([, value]) => value !== undefined && value !== ""),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const key = issue.path.join(".");
    // What is said of several keys together knows why one of them must be there.
    const isSaid = key in given || issue.code === "custom";
    return `${key}: ${isSaid ? uncapitalized(issue.message) : "is required"}`;
  });
  throw new ConfigurationError(`bad configuration: ${problems.join("; ")}`);
}

function uncapitalized(message: string): string {
  return message.replace(/^[A-Z][a-z]/, (first) => first.toLowerCase());
}

/** What is in the file that a setting names. */
export function fileOfSetting(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new ConfigurationError(`bad configuration: ${setting}: ${path} can't be read: ${code}`);
  }
}

/** `host:port`, or `unix:/path`. */
export const address = z
  .string()
  .regex(/^(unix:\/.+|(\[[0-9a-fA-F:]+\]|[^:/\s]+):\d{1,5})$/, "must be host:port or unix:/path");

const ipv4 = String.raw`\d{1,3}(\.\d{1,3}){3}:\d{1,5}`;
const ipv6 = String.raw`\[[0-9a-fA-F:]+\]:\d{1,5}`;
const peerForms = new RegExp(
  String.raw`^(dns:///[^:/\s]+:\d{1,5}|ipv4:${ipv4}(,${ipv4})*|ipv6:${ipv6}(,${ipv6})*)$`,
);

/**
 * Where another service is reached: an address; or several processes of it, each asked in turn. These are the addresses
 * behind a name, or they are listed.
 */
export const peerAddress = z
  .string()
  .refine(
    (text) => address.safeParse(text).success || peerForms.test(text),
    "must be host:port, unix:/path, dns:///name:port, ipv4:address:port,address:port or ipv6:[address]:port,[address]:port",
  );

/** The secret that our own services show each other. */
export const serviceCredential = z.string().min(32, "must have at least 32 characters");

export const logLevel = z.enum(["debug", "info", "warn", "error", "fatal", "silent"]).default("info");

/** A whole number of milliseconds. */
export const milliseconds = z.coerce.number().int().positive();

/** What every process reads that can be watched. */
export const metricsConfig = {
  /** `host:port` where `/metrics`, `/livez` and `/readyz` are served, over plain HTTP; unset: nowhere. */
  PORTCULLIS_METRICS_LISTEN: address
    .refine((text) => !text.startsWith("unix:"), "must be host:port")
    .optional(),
} as const;

/** What every service reads, beside the files of `tls.ts`. */
export const processConfig = {
  /** Where the service listens. */
  PORTCULLIS_LISTEN: address,
  PORTCULLIS_SERVICE_CREDENTIAL: serviceCredential,
  PORTCULLIS_LOG_LEVEL: logLevel,
  ...metricsConfig,
} as const;
