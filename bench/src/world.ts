import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { type Rest, restClient, type System } from "@portcullis/testbed";
import { invite, makeServiceToken, organization } from "./content.ts";

/** A question that is allowed through a nested group's grant on a project, asked of an experiment in it. */
export interface AllowedCheck {
  readonly serviceToken: string;
  /** As decision is asked. */
  readonly allowedCheck: CheckRequest;
}

export interface World extends AllowedCheck {
  readonly orgId: string;
  /** An API key of the Owner's. */
  readonly ownerKey: string;
  /** The question of the allowed Check. */
  readonly allowed: Question;
  readonly contents: Contents;
}

/** May this user read this experiment? */
export interface Question {
  readonly user: string;
  readonly experiment: string;
}

/** What is in a world, as it can be told to others. */
export interface Contents {
  readonly users: readonly string[];
  readonly groups: readonly Group[];
  readonly projects: readonly Project[];
  /** That a group may read a project and all in it. */
  readonly rules: readonly Rule[];
}

interface Group {
  readonly id: string;
  readonly users: readonly string[];
  /** The groups whose members are members of it too. */
  readonly groups: readonly string[];
}

interface Project {
  readonly id: string;
  readonly experiments: readonly string[];
}

interface Rule {
  readonly group: string;
  readonly project: string;
}

export interface Size {
  readonly users: number;
  readonly groups: number;
  readonly projects: number;
  readonly experimentsPerProject: number;
  readonly readersPerProject: number;
}

/** 200 users in 20 groups, one in the other, with grants on 20 projects of 10 experiments. */
const ordinarySize: Size = {
  users: 200,
  groups: 20,
  projects: 20,
  experimentsPerProject: 10,
  readersPerProject: 1,
};

/** An organisation, of ordinary size unless it is said. */
export async function makeWorld(
  system: System,
  tell: (line: string) => void,
  size = ordinarySize,
): Promise<World> {
  tell(
    `making ${size.users} users, ${size.groups} groups, ${size.projects} projects of ${size.experimentsPerProject} experiments`,
  );
  const { orgId, ownerKey } = await organization(system);
  const rest = restClient(system.adminUrl, ownerKey);
  const ids = await invite(system, orgId, size.users);
  const contents = { users: ids, ...(await fill(rest, ids, size)) };
  const allowed = { user: ids[0] ?? "", experiment: contents.projects[3]?.experiments.at(-1) ?? "" };
  return {
    orgId,
    ownerKey,
    serviceToken: await makeServiceToken(system, orgId),
    allowed,
    allowedCheck: checkOf(orgId, allowed),
    contents,
  };
}

/** A question as decision is asked. */
export function checkOf(orgId: string, { user, experiment }: Question): CheckRequest {
  return {
    orgId,
    who: { $case: "principalId", value: user },
    permission: "read",
    what: { $case: "object", value: { type: "experiment", id: experiment } },
    consistency: undefined,
  };
}

/** Some of them are allowed. No two are the same, as long as there are not very many. */
export function questionsAbout({ users, projects }: Contents, count: number): Question[] {
  const experiments = projects.flatMap((project) => project.experiments);
  return Array.from({ length: count }, (_, index) => ({
    user: users[(index * 13) % users.length] ?? "",
    experiment: experiments[(index * 7) % experiments.length] ?? "",
  }));
}

/** Each user about each experiment. */
export function allQuestionsAbout({ users, projects }: Contents): Question[] {
  const experiments = projects.flatMap((project) => project.experiments);
  return experiments.flatMap((experiment) => users.map((user) => ({ user, experiment })));
}

async function fill(rest: Rest, users: readonly string[], size: Size): Promise<Omit<Contents, "users">> {
  const groups: Group[] = [];
  const usersPerGroup = size.users / size.groups;
  for (let index = 0; index < size.groups; index++) {
    // Chains of four, so that nesting is part of the question.
    const inner = index % 4 === 0 ? [] : groups.slice(-1).map(({ id }) => id);
    const own = users.slice(index * usersPerGroup, (index + 1) * usersPerGroup);
    const { id } = await rest.ok<{ id: string }>("POST", "/v1/group", {
      name: `group ${index}`,
      member_users: own,
      member_groups: inner,
    });
    groups.push({ id, users: own, groups: inner });
  }
  const projects: Project[] = [];
  const rules: Rule[] = [];
  for (let index = 0; index < size.projects; index++) {
    const { id: project } = await rest.ok<{ id: string }>("POST", "/v1/project", {
      name: `project ${index}`,
    });
    const experiments: string[] = [];
    for (let number = 0; number < size.experimentsPerProject; number++) {
      const { id } = await rest.ok<{ id: string }>("POST", "/v1/experiment", {
        name: `experiment ${number}`,
        project_id: project,
      });
      experiments.push(id);
    }
    projects.push({ id: project, experiments });
    const readers = Array.from({ length: size.readersPerProject }, (_, reader) => {
      const group = groups[(index + reader * 3) % groups.length]?.id ?? "";
      return { group, project };
    });
    await rest.ok("POST", "/v1/acl/batch_update", {
      add_acls: readers.map(({ group }) => ({
        object_type: "project",
        object_id: project,
        group_id: group,
        permission: "read",
      })),
    });
    rules.push(...readers);
  }
  return { groups, projects, rules };
}
