import { readFile, rename, writeFile } from "node:fs/promises";
import type { Log } from "@portcullis/chassis/log";
import {
  type FactMemory,
  type FactReader,
  type Facts,
  factKeyFromText,
  minimizeLatency,
  valueOf,
} from "@portcullis/facts";
import type { FactKey, Needs, OrgId } from "@portcullis/policy";
import { z } from "zod";

const noteEveryMs = 60_000;
const factsMax = 20_000;
const atOnce = 500;

/** Which principals and objects were asked about last. No secrets, and nothing of what they may do. */
const noted = z.object({ org: z.string(), facts: z.array(z.string()).max(factsMax) });

export interface WarmFactsOptions {
  readonly file: string;
  readonly org: OrgId;
  readonly facts: FactReader;
  readonly memory: FactMemory;
  readonly log: Log;
}

/** Reads the facts that were used last before this process began, and notes now and then, and at the end, which these are. */
export function warmFacts(options: WarmFactsOptions): AsyncDisposable {
  void readAgain(options);
  const timer = setInterval(() => void note(options), noteEveryMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await note(options);
    },
  };
}

async function readAgain({ file, org, facts, log }: WarmFactsOptions): Promise<void> {
  try {
    const keys = await keysIn(file, org);
    // Last used last, so that this is what stays.
    for (let to = keys.length; to > 0; to -= atOnce) {
      const some = keys.slice(Math.max(0, to - atOnce), to);
      await facts.read(org, minimizeLatency, (held) => missing(some, held));
    }
    log.info({ facts: keys.length }, "what was used last is in memory again");
  } catch (reason) {
    log.warn({ reason: String(reason) }, "what was used last can't be read again");
  }
}

async function keysIn(file: string, org: OrgId): Promise<FactKey[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return []; // the first start
  }
  const { org: of, facts } = noted.parse(JSON.parse(text));
  return of === org ? facts.flatMap((name) => factKeyFromText(org, name) ?? []) : [];
}

function missing(keys: readonly FactKey[], held: Facts): { readonly kind: "all" } | Needs {
  const needed = keys.filter((key) => valueOf(held, key) === undefined);
  return needed.length === 0 ? { kind: "all" } : { kind: "needs", keys: needed };
}

async function note({ file, org, memory, log }: WarmFactsOptions): Promise<void> {
  const facts = memory.lastUsed(org, factsMax).filter((name) => factKeyFromText(org, name) !== null);
  try {
    // Renamed, as whoever starts meanwhile must find a whole one.
    await writeFile(`${file}.new`, JSON.stringify({ org, facts }), { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (reason) {
    log.warn({ reason: String(reason) }, "what was used last can't be noted");
  }
}
