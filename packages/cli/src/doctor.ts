// Is this installation well? One check after the other, each with what to do when it is not.

import { Fault } from "@portcullis/chassis/fault";
import { z } from "zod";
import type { Account } from "./account.ts";
import { whoAmI } from "./lookup.ts";
import { personText } from "./names.ts";
import type { Rest } from "./rest.ts";
import { permission } from "./shapes.ts";

export interface Finding {
  readonly check: string;
  readonly status: "ok" | "warning" | "failed" | "skipped";
  readonly detail: string;
  /** What to do about it; null: nothing. */
  readonly advice: string | null;
}

export interface Patient {
  readonly ownVersion: string;
  readonly adminUrl: string;
  /** Asks as nobody. */
  readonly anonymous: Rest;
  /** A Fault: there is no key to ask with. */
  readonly account: Account | Fault;
  readonly rest: Rest | null;
}

const clockMsMax = 5000;

const health = z.object({ status: z.literal("ok") });
const versionTold = z.object({ version: z.string() });
const answered = z.looseObject({ allowed: z.boolean(), revision: z.string() });
const held = z.looseObject({ permissions: z.array(permission) });
const anyList = z.looseObject({ objects: z.array(z.unknown()) });

/** What shows that an owner answers. */
const owners = [
  { owner: "identity", path: "/v1/user" },
  { owner: "groups", path: "/v1/group" },
  { owner: "grants", path: "/v1/role" },
  { owner: "tokens", path: "/v1/api_key" },
] as const;

const logsAdvice = "look at its log, and whether its database and Redis are there";

export async function examine(patient: Patient): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const add = (check: string, status: Finding["status"], detail: string, advice: string | null = null) =>
    findings.push({ check, status, detail, advice });
  const reached = await attempt(() => patient.anonymous.fetch(health, "/healthz"));
  if (reached instanceof Fault) {
    add(
      "admin",
      "failed",
      reached.message,
      "start it (npm start), or say where it is: portcullis login --url, or PORTCULLIS_ADMIN_URL",
    );
    for (const check of ["version", "clock", "key", "rights", "decision", "freshness"]) {
      add(check, "skipped", "admin can't be reached");
    }
    return findings;
  }
  add("admin", "ok", `${patient.adminUrl} answers`);

  const told = await attempt(() => patient.anonymous.fetch(versionTold, "/version"));
  if (told instanceof Fault) add("version", "warning", told.message, "is that address really Portcullis?");
  else if (told.body.version === patient.ownVersion) add("version", "ok", told.body.version);
  else {
    const detail = `admin is ${told.body.version}, this program ${patient.ownVersion}`;
    add("version", "warning", detail, "use a program and a system of one version");
  }

  const serverMs = Date.parse(reached.headers.get("date") ?? "");
  const apartMs = Math.abs(Date.now() - serverMs);
  if (Number.isNaN(apartMs)) add("clock", "skipped", "admin does not tell the time");
  else if (apartMs < clockMsMax) add("clock", "ok", "this clock and admin's agree to some seconds");
  else {
    const detail = `this clock and admin's are ${Math.round(apartMs / 1000)} s apart`;
    add(
      "clock",
      "warning",
      detail,
      "keep clocks together (NTP): what expires, expires by the clock of the system",
    );
  }

  const { account, rest } = patient;
  if (account instanceof Fault || rest === null) {
    const detail = account instanceof Fault ? account.message : "there is none";
    add("key", "failed", detail, "run portcullis login");
    for (const check of ["rights", "decision", "freshness"]) add(check, "skipped", "there is no key");
    return findings;
  }
  await examineAs(rest, account, add);
  return findings;
}

async function examineAs(
  rest: Rest,
  account: Account,
  add: (check: string, status: Finding["status"], detail: string, advice?: string | null) => unknown,
): Promise<void> {
  const who = await attempt(() => whoAmI(rest));
  if (who instanceof Fault) {
    const advice =
      who.kind === "unauthenticated"
        ? "it was revoked, has expired, or is of another installation: run portcullis login with another one"
        : logsAdvice;
    add("key", "failed", who.message, advice);
    for (const check of ["rights", "decision", "freshness"]) add(check, "skipped", "the key was not taken");
    return;
  }
  const [organization = { id: "", name: "" }] = who.organizations;
  add("key", "ok", `${personText(who)} in ${organization.name}, from ${account.from}`);

  const object = { type: "organization", id: organization.id };
  const rights = await attempt(() => rest.send(held, "POST", "/v1/access/permissions", { object }));
  if (rights instanceof Fault) add("rights", "failed", rights.message, logsAdvice);
  else {
    const may = rights.body.permissions;
    const detail = `on the organization: ${may.join(", ") || "nothing"}`;
    if (may.includes("read_acls")) add("rights", "ok", detail);
    else add("rights", "warning", detail, "export, plan and apply take read_acls on the organization");
  }

  for (const { owner, path } of owners) {
    const answer = await attempt(() => rest.get(anyList, path, { limit: 1 }));
    if (!(answer instanceof Fault)) add(owner, "ok", "answers");
    // Who may not list is answered by it all the same.
    else if (answer.kind === "denied") add(owner, "ok", "answers, though this key may not list there");
    else add(owner, "failed", answer.message, logsAdvice);
  }

  const began = performance.now();
  const question = { permission: "read", object };
  const answer = await attempt(() => rest.send(answered, "POST", "/v1/access/check", question));
  if (answer instanceof Fault) {
    add("decision", "failed", answer.message, logsAdvice);
    add("freshness", "skipped", "decision does not answer");
    return;
  }
  add("decision", "ok", `answers in ${Math.round(performance.now() - began)} ms`);

  const { revision } = answer.body;
  const confirmed = await attempt(async () => {
    const since = performance.now();
    for (const consistency of [{ at_least_as_fresh: revision }, { fully_consistent: {} }]) {
      await rest.send(answered, "POST", "/v1/access/check", { ...question, consistency });
    }
    return Math.round(performance.now() - since);
  });
  if (confirmed instanceof Fault) {
    add(
      "freshness",
      "failed",
      confirmed.message,
      "an owner does not tell where its log stands: look at its log",
    );
  } else add("freshness", "ok", `all owners confirm where their logs stand, in ${confirmed} ms`);
}

async function attempt<T>(work: () => Promise<T>): Promise<T | Fault> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}
