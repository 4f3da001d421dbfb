// What decides in an application's own process. Each is given the same world in its own words, as it is fastest.

import { createMongoAbility, subject } from "@casl/ability";
import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { connectEmbedded } from "@portcullis/client/embedded";
import { newEnforcer, newModelFromString, StringAdapter } from "casbin";
import type { Contents, Question } from "../world.ts";

export interface Given {
  readonly contents: Contents;
  /** Where decision listens, and who may ask it. */
  readonly address: string;
  readonly serviceToken: string;
}

type Ask = (question: Question) => boolean | Promise<boolean>;

export const engines = { portcullis, casbin, casl, cedar } as const satisfies Readonly<
  Record<string, (given: Given) => Ask | Promise<Ask>>
>;
export type EngineName = keyof typeof engines;

/** Over a running system, and as fresh as a sidecar. */
function portcullis({ address, serviceToken }: Given): Ask {
  const embedded = connectEmbedded({ address, serviceToken, checkWithinMs: 10_000 });
  return ({ user, experiment }) => {
    const answer = embedded.checkNow({ principal: user }, "read", { type: "experiment", id: experiment });
    return answer instanceof Promise ? answer.then(({ allowed }) => allowed) : answer.allowed;
  };
}

/** What excludes most rules for the least comes first in the matcher. */
const casbinModel = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g2(r.obj, p.obj) && g(r.sub, p.sub) && r.act == p.act
`;

async function casbin({ contents }: Given): Promise<Ask> {
  const lines = [
    ...contents.rules.map(({ group, project }) => `p, ${group}, ${project}, read`),
    ...contents.groups.flatMap(({ id, users, groups }) =>
      [...users, ...groups].map((member) => `g, ${member}, ${id}`),
    ),
    ...contents.projects.flatMap(({ id, experiments }) =>
      experiments.map((experiment) => `g2, ${experiment}, ${id}`),
    ),
  ];
  const enforcer = await newEnforcer(newModelFromString(casbinModel), new StringAdapter(lines.join("\n")));
  return ({ user, experiment }) => enforcer.enforceSync(user, experiment, "read");
}

/** Knows no groups and no tree: each user's rules are worked out beforehand, and each experiment names its project. */
function casl({ contents }: Given): Ask {
  const abilities = new Map(
    contents.users.map((user) => {
      const groups = groupsOf(contents, user);
      const rules = contents.rules
        .filter(({ group }) => groups.has(group))
        .map(({ project }) => ({ action: "read", subject: "experiment", conditions: { project } }));
      return [user, createMongoAbility(rules)] as const;
    }),
  );
  const experiments = new Map(
    contents.projects.flatMap(({ id: project, experiments: ids }) =>
      ids.map((id) => [id, subject("experiment", { project })] as const),
    ),
  );
  return ({ user, experiment }) => {
    const object = experiments.get(experiment);
    return object !== undefined && abilities.get(user)?.can("read", object) === true;
  };
}

/** The policies are parsed once; the groups of the user and the place of the experiment come with each question. */
function cedar({ contents }: Given): Ask {
  const name = "bench";
  const staticPolicies = Object.fromEntries(
    contents.rules.map(({ group, project }) => [
      `${group} ${project}`,
      `permit(principal in Group::"${group}", action == Action::"read", resource in Project::"${project}");`,
    ]),
  );
  const parsed = preparsePolicySet(name, { staticPolicies });
  if (parsed.type === "failure") throw new Error(JSON.stringify(parsed.errors));
  const entity = (type: string, id: string, parents: { type: string; id: string }[]) => ({
    uid: { type, id },
    attrs: {},
    parents,
  });
  const users = new Map(
    contents.users.map((user) => {
      const groups = Array.from(groupsOf(contents, user), (id) => ({ type: "Group", id }));
      return [user, entity("User", user, groups)] as const;
    }),
  );
  const experiments = new Map(
    contents.projects.flatMap(({ id: project, experiments: ids }) =>
      ids.map((id) => [id, entity("Experiment", id, [{ type: "Project", id: project }])] as const),
    ),
  );
  return ({ user, experiment }) => {
    const entities = [users.get(user) ?? [], experiments.get(experiment) ?? []].flat();
    const answer = statefulIsAuthorized({
      principal: { type: "User", id: user },
      action: { type: "Action", id: "read" },
      resource: { type: "Experiment", id: experiment },
      context: {},
      preparsedPolicySetId: name,
      entities,
    });
    if (answer.type === "failure") throw new Error(JSON.stringify(answer.errors));
    return answer.response.decision === "allow";
  };
}

/** All groups that a user is in, through others too. An inner group stands before those that it is in. */
function groupsOf({ groups }: Contents, user: string): Set<string> {
  const held = new Set<string>();
  for (const group of groups) {
    if (group.users.includes(user) || group.groups.some((inner) => held.has(inner))) held.add(group.id);
  }
  return held;
}
