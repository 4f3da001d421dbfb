// `.portcullis/demo.env`: what scripts need to know of the demo organisation, one NAME=value a line.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { state, writePrivately } from "./state-folder.ts";

const names = {
  adminUrl: "PORTCULLIS_ADMIN_URL",
  decisionAddress: "PORTCULLIS_DECISION_ADDRESS",
  orgId: "PORTCULLIS_ORG_ID",
  orgName: "PORTCULLIS_ORG_NAME",
  ownerKey: "PORTCULLIS_OWNER_KEY",
  viewerKey: "PORTCULLIS_VIEWER_KEY",
  serviceToken: "PORTCULLIS_SERVICE_TOKEN",
  /** A member and an experiment that this member may read, through two groups. */
  readerId: "PORTCULLIS_DEMO_READER_ID",
  experimentId: "PORTCULLIS_DEMO_EXPERIMENT_ID",
} as const;

export type DemoEnv = Readonly<Record<keyof typeof names, string>>;

const path = join(state, "demo.env");

/** What is known; of a demo that was interrupted, that is a part. */
export function readDemoEnv(): Partial<DemoEnv> {
  if (!existsSync(path)) return {};
  const values = new Map(readFileSync(path, "utf8").split("\n").map(nameAndValue));
  return Object.fromEntries(
    Object.entries(names).flatMap(([key, name]) => {
      const value = values.get(name);
      return value === undefined ? [] : [[key, value]];
    }),
  ) as Partial<DemoEnv>;
}

export function writeDemoEnv(known: Partial<DemoEnv>): void {
  const lines = (Object.keys(names) as (keyof DemoEnv)[]).flatMap((key) =>
    known[key] === undefined ? [] : [`${names[key]}=${known[key]}\n`],
  );
  writePrivately(path, lines.join(""));
}

export function isWhole(known: Partial<DemoEnv>): known is DemoEnv {
  return Object.keys(names).every((key) => known[key as keyof DemoEnv] !== undefined);
}

function nameAndValue(line: string): [string, string] {
  const equals = line.indexOf("=");
  return [line.slice(0, equals), line.slice(equals + 1)];
}
