// What services are told in their environment, held against what they read.

import { readConfig } from "@portcullis/chassis/config";
import type { z } from "zod";

/** Read beside what a service's own configuration names. */
const readByAll = new Set(["MALLOC_ARENA_MAX", "NODE_ENV", "NODE_COMPILE_CACHE"]);

export type Environment = Readonly<Record<string, string>>;

/** The configuration of a service, which no package exports. */
async function configOf(service: string): Promise<z.ZodObject> {
  const file = new URL(`../../../services/${service}/src/config.ts`, import.meta.url);
  return ((await import(file.href)) as { config: z.ZodObject }).config;
}

/** Throws if the service would not start with it; answers the names that it would not read. */
export async function unreadOf(service: string, environment: Environment): Promise<string[]> {
  const config = await configOf(service);
  readConfig(config, environment);
  return Object.keys(environment).filter((name) => !(name in config.shape) && !readByAll.has(name));
}

/** By the names of addresses: whom a service asks. */
export function askedOf(environment: Environment): string[] {
  return Object.keys(environment)
    .flatMap((name) => /^PORTCULLIS_([A-Z]+)_ADDRESS$/.exec(name)?.[1] ?? [])
    .map((name) => name.toLowerCase())
    .toSorted();
}
