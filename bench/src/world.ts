import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { restClient, type System } from "@portcullis/testbed";
import { invite, makeServiceToken, organization } from "./content.ts";

export interface World {
  /** An API key of the Owner's. */
  readonly ownerKey: string;
  readonly serviceToken: string;
  /** Allowed through a nested group's grant on a project, asked of an experiment in it. */
  readonly allowedCheck: CheckRequest;
}

const users = 200;
const groups = 20;
const projects = groups;
const experimentsPerProject = 10;

/** An organisation of ordinary size: 200 users in 20 groups, one in the other, with grants on 20 projects of 10 experiments. */
export async function makeWorld(system: System, tell: (line: string) => void): Promise<World> {
  tell(
    `making ${users} users, ${groups} groups, ${projects} projects of ${experimentsPerProject} experiments`,
  );
  const { orgId, ownerKey } = await organization(system);
  const rest = restClient(system.adminUrl, ownerKey);
  const ids = await invite(system, orgId, users);
  let inner: string | null = null;
  let experiment = "";
  for (let index = 0; index < groups; index++) {
    const group: { id: string } = await rest.ok("POST", "/v1/group", {
      name: `group ${index}`,
      member_users: ids.slice(index * 10, index * 10 + 10),
      member_groups: inner === null ? [] : [inner],
    });
    // Chains of four, so that nesting is part of the question.
    inner = index % 4 === 3 ? null : group.id;
    const project = await rest.ok<{ id: string }>("POST", "/v1/project", { name: `project ${index}` });
    for (let number = 0; number < experimentsPerProject; number++) {
      const made = await rest.ok<{ id: string }>("POST", "/v1/experiment", {
        name: `experiment ${number}`,
        project_id: project.id,
      });
      if (index === 3) experiment = made.id;
    }
    await rest.ok("POST", "/v1/acl", {
      object_type: "project",
      object_id: project.id,
      group_id: group.id,
      permission: "read",
    });
  }
  return {
    ownerKey,
    serviceToken: await makeServiceToken(system, orgId),
    allowedCheck: {
      orgId,
      who: { $case: "principalId", value: ids[0] ?? "" },
      permission: "read",
      what: { $case: "object", value: { type: "experiment", id: experiment } },
      consistency: undefined,
    },
  };
}
