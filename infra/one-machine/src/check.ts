// `npm run -s check`: asks the decision service one question, as an application would.
// Says allowed or denied; the exit code is 0 or 1, and 2 when there is no answer.

import { parseArgs } from "node:util";
import { credentials, Metadata } from "@grpc/grpc-js";
import {
  type CheckRequest,
  type CheckResponse,
  DecisionClient,
} from "@portcullis/proto/decision/v1/decision";
import type { ObjectRef } from "@portcullis/proto/events/v1/events";
import { readDemoEnv } from "./demo-env.ts";
import { firstLine, Problem } from "./problem.ts";

const usage = `npm run -s check -- WHO PERMISSION WHAT

  WHO         the id of a user or service account, or an API key or service token
  PERMISSION  create, read, update, delete, create_acls, read_acls, update_acls or delete_acls
  WHAT        TYPE:ID of an object; for create, TYPE@TYPE:ID of what would be made, and where

Asks about the demo organisation, with its service token; PORTCULLIS_DECISION_ADDRESS, PORTCULLIS_SERVICE_TOKEN
and PORTCULLIS_ORG_ID name others.
`;

try {
  const { allowed } = await check(question());
  process.stdout.write(allowed ? "allowed\n" : "denied\n");
  process.exitCode = allowed ? 0 : 1;
} catch (error) {
  process.stderr.write(`portcullis: ${firstLine(error instanceof Error ? error.message : String(error))}\n`);
  process.exitCode = 2;
}

function question(): CheckRequest {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  const [who, permission, what] = positionals;
  if (values.help || who === undefined || permission === undefined || what === undefined) {
    process.stdout.write(usage);
    process.exit(values.help ? 0 : 2);
  }
  const isCredential = /^(sk-|bt-st-)/.test(who);
  const [type, place] = what.split("@", 2);
  return {
    orgId: setting("PORTCULLIS_ORG_ID", readDemoEnv().orgId),
    who: isCredential ? { $case: "credential", value: who } : { $case: "principalId", value: who },
    permission,
    what:
      place === undefined
        ? { $case: "object", value: objectRef(what) }
        : { $case: "place", value: { type: type ?? "", parent: objectRef(place) } },
    consistency: undefined,
  };
}

function objectRef(text: string): ObjectRef {
  const colon = text.indexOf(":");
  if (colon < 1) throw new Problem(`\`${text}\` is no TYPE:ID`);
  return { type: text.slice(0, colon), id: text.slice(colon + 1) };
}

async function check(request: CheckRequest): Promise<CheckResponse> {
  const known = readDemoEnv();
  const address = setting("PORTCULLIS_DECISION_ADDRESS", known.decisionAddress);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${setting("PORTCULLIS_SERVICE_TOKEN", known.serviceToken)}`);
  const decision = new DecisionClient(address, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      decision.check(request, metadata, { deadline: Date.now() + 5000 }, (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
    });
  } finally {
    decision.close();
  }
}

function setting(name: string, fallback: string | undefined): string {
  const value = process.env[name] || fallback;
  if (value === undefined) throw new Problem(`${name} is not set, and there is no demo: run npm start first`);
  return value;
}
