// What applying a file or a saved plan would come to. All of it is read and judged; nothing is written.

import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { Fault, invalid } from "@portcullis/chassis/fault";
import type { Cli } from "../cli.ts";
import type { ObjectRef } from "../lookup.ts";
import { type Paths, pathsOfObjects } from "../names.ts";
import type { Rest } from "../rest.ts";
import type { Access, Atom } from "./atom.ts";
import { readBase } from "./base.ts";
import { type Difference, differenceOf, isNone } from "./difference.ts";
import { driftOf, merged } from "./drift.ts";
import { parseFile } from "./file.ts";
import { type Organization, readOrganization } from "./organization.ts";
import { type ProposedChange, proposalOf } from "./proposal.ts";
import { resolverFor } from "./resolver.ts";
import { readSavedPlan, type SavedPlan } from "./saved-plan.ts";
import { changesMax, type Simulated, simulate } from "./simulation.ts";
import { type Step, stepsBetween } from "./step.ts";
import { checkPrunable, checkWhole, targetOf, unmanaged } from "./target.ts";

export interface Source {
  /** `-` is standard input. */
  readonly path: string;
  readonly text: string;
  /** Null: it is a file of access. */
  readonly saved: SavedPlan | null;
}

export interface Plan {
  readonly organization: Organization;
  readonly paths: Paths;
  readonly target: Access;
  readonly difference: Difference;
  /** What others have changed since; none where it is not known what the file was made against. */
  readonly drift: Difference | null;
  readonly steps: readonly Step[];
  readonly changes: readonly ProposedChange[];
  /** Null: there are too many changes to simulate. */
  readonly simulated: Simulated | null;
  /** ACLs on what would be made: not simulated. */
  readonly leftOut: readonly Atom[];
  /** What the file does not name: left alone. */
  readonly unmanaged: readonly Atom[];
  readonly prune: boolean;
}

const listMax = 10_000;

export async function readSource(path: string, cli: Cli): Promise<Source> {
  const text =
    path === "-"
      ? await readAll(cli.surroundings.stdin)
      : await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
          throw invalid(path, `can't be read: ${error.code}`);
        });
  return { path, text, saved: readSavedPlan(text, path) };
}

export async function makePlan(
  rest: Rest,
  source: Source,
  options: { readonly prune: boolean; readonly cli: Cli },
): Promise<Plan> {
  const { prune: pruneWanted, cli } = options;
  const prune = source.saved?.prune ?? pruneWanted;
  if (source.saved !== null && pruneWanted && !prune) {
    throw invalid("--prune", "the plan was made without it: make it anew");
  }
  const organization = await readOrganization(rest, cli.progress);
  const paths = await pathsOfObjects(rest, objectsOf(organization.access));
  const nowMs = Date.now();
  const { target, drift, left } =
    source.saved === null
      ? await fromFile(rest, source, { organization, paths, prune, nowMs })
      : fromSaved(source.saved, organization, nowMs);
  checkWhole(target);
  const steps = stepsBetween(organization.access, target);
  checkSizes(steps);
  const ids = {
    group: (name: string) => organization.groups.get(name)?.id,
    role: (name: string) => organization.roles.get(name)?.id,
  };
  const { changes, leftOut } = proposalOf(steps, target, ids);
  const simulated = changes.length > changesMax ? null : await simulate(rest, changes);
  const named = [...(simulated?.differences ?? []).map(({ object }) => object), ...objectsOf(target)];
  const unknown = named.filter((object) => !paths.has(`${object.type}:${object.id}`));
  return {
    organization,
    paths: new Map([...paths, ...(await pathsOfObjects(rest, unknown))]),
    target,
    difference: differenceOf(organization.access, target),
    drift,
    steps,
    changes,
    simulated,
    leftOut,
    unmanaged: left,
    prune,
  };
}

interface Aim {
  readonly target: Access;
  readonly drift: Difference | null;
  readonly left: readonly Atom[];
}

async function fromFile(
  rest: Rest,
  { text, path }: Source,
  given: {
    readonly organization: Organization;
    readonly paths: Paths;
    readonly prune: boolean;
    readonly nowMs: number;
  },
): Promise<Aim> {
  const { organization, paths, prune, nowMs } = given;
  const file = parseFile(text, path);
  if (file.organization !== undefined && file.organization !== organization.name) {
    throw invalid("organization", `the key is of \`${organization.name}\``);
  }
  if (prune) checkPrunable(file);
  const base = file.made_against === undefined ? null : readBase(file.made_against, "made_against");
  if (base !== null) checkOrganization(base.organization, organization);
  const resolver = await resolverFor(rest, file, organization, paths);
  const targetFrom = (access: Access, isPruned: boolean) =>
    targetOf(access, file, { resolver, prune: isPruned, nowMs });
  const current = organization.access;
  const target = targetFrom(current, prune);
  const drift =
    base === null
      ? null
      : driftOf({ base: base.access, current, target: targetFrom(base.access, prune) }, nowMs);
  return { target, drift, left: prune ? [] : unmanaged(current, target, targetFrom(current, true)) };
}

function fromSaved({ base, target }: SavedPlan, organization: Organization, nowMs: number): Aim {
  checkOrganization(base.organization, organization);
  const all = { base: base.access, current: organization.access, target: target.access };
  return { target: merged(all), drift: driftOf(all, nowMs), left: [] };
}

function checkOrganization(id: string, organization: Organization): void {
  if (id !== organization.id) throw invalid("made_against", "is of another organization than the key");
}

/** Refuses on drift, and when whoever applies it would lose on the way what the rest of it takes. */
export function checkPlan(
  plan: Plan,
  options: { readonly acceptDrift?: true | undefined; readonly withoutSimulation?: true | undefined },
): void {
  if (options.acceptDrift !== true) checkDrift(plan);
  if (plan.simulated === null && options.withoutSimulation !== true) {
    throw invalid(
      "--without-simulation",
      `is required: these are ${plan.changes.length} changes, and no more than ${changesMax} can be simulated`,
    );
  }
  const { self } = plan.organization;
  const losses = (plan.simulated?.differences ?? []).filter(
    ({ principal_id, object, lost }) =>
      principal_id === self && lost.length > 0 && adminTypes.has(object.type),
  );
  const [loss] = losses;
  if (loss !== undefined) {
    throw new Fault(
      "conflict",
      `you would lose ${loss.lost.join(", ")} on ${loss.object.type}, which it takes to go on: let somebody else apply it`,
    );
  }
}

/** Refuses when others have changed something since. */
export function checkDrift({ drift }: Pick<Plan, "drift">): void {
  if (drift === null || isNone(drift)) return;
  throw new Fault(
    "conflict",
    "the organization has changed since: export anew, or say --accept-drift to overrule what the file names",
  );
}

/** What administration is done on. */
const adminTypes: ReadonlySet<string> = new Set([
  "organization",
  "org_member",
  "org_project",
  "group",
  "role",
]);

function checkSizes(steps: readonly Step[]): void {
  for (const step of steps) {
    const lists = Object.values(step).filter((value) => Array.isArray(value)) as unknown[][];
    if (lists.some((list) => list.length > listMax)) {
      throw invalid("file", `changes more than ${listMax} entries of one group: do it in several files`);
    }
  }
}

function objectsOf(access: Access): readonly ObjectRef[] {
  return [...access.values()].flatMap((atom) =>
    atom.kind === "acl" && atom.on.type !== "group" && atom.on.type !== "role"
      ? [{ type: atom.on.type, id: atom.on.key }]
      : [],
  );
}
