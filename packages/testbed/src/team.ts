import { randomUUID } from "node:crypto";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import type { CheckRequest, Consistency } from "@portcullis/proto/decision/v1/decision";
import { type Rest, restClient } from "./rest.ts";
import type { System } from "./system.ts";

export interface Account {
  readonly id: string;
  readonly tokenId: string;
  readonly key: string;
}

/** An organisation with people, a team that may read a project, and an experiment in that project. */
export interface Team {
  readonly orgId: string;
  readonly ownerKey: string;
  /** The REST facade as the Owner sees it. */
  readonly rest: Rest;
  readonly people: readonly string[];
  readonly groupId: string;
  readonly projectId: string;
  readonly experimentId: string;
  /** A service account, and a service token of its own. */
  newAccount(name: string): Promise<Account>;
  join(person: string): Promise<string>;
  /** Answers the revision of the change. */
  leave(person: string): Promise<string>;
  /** May this person read the experiment? */
  question(person: string, consistency?: Consistency): CheckRequest;
}

export async function makeTeam(system: System, size: number): Promise<Team> {
  const domain = `${randomUUID()}.example`;
  const { orgId, ownerKey } = await createOrganization(system, {
    name: domain,
    owner: { email: `owner@${domain}` },
  });
  const rest = restClient(system.adminUrl, ownerKey);
  const emails = Array.from({ length: size }, (_, index) => `person-${index}@${domain}`);
  await rest.ok("PATCH", "/v1/organization/members", { invite_users: { emails } });
  const { objects } = await rest.ok<{ objects: { id: string; email: string }[] }>("GET", "/v1/user");
  const people = objects.filter(({ email }) => emails.includes(email)).map(({ id }) => id);
  const group = await rest.ok<{ id: string }>("POST", "/v1/group", { name: "Team" });
  const project = await rest.ok<{ id: string }>("POST", "/v1/project", { name: "Project" });
  const experiment = await rest.ok<{ id: string }>("POST", "/v1/experiment", {
    name: "Experiment",
    project_id: project.id,
  });
  await rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: project.id,
    group_id: group.id,
    permission: "read",
  });
  const patch = async (change: object): Promise<string> => {
    const answer = await rest.request("PATCH", `/v1/group/${group.id}`, change);
    if (answer.status !== 200)
      throw new Error(`PATCH answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.headers.get("x-portcullis-revision") ?? "";
  };
  return {
    orgId,
    ownerKey,
    rest,
    people,
    groupId: group.id,
    projectId: project.id,
    experimentId: experiment.id,
    async newAccount(name) {
      const { added_users: added } = await rest.ok<{ added_users: { id: string }[] }>(
        "PATCH",
        "/v1/organization/members",
        { invite_users: { service_accounts: [{ name }] } },
      );
      const { id = "" } = added[0] ?? {};
      const token = { name, service_account_id: id };
      const { id: tokenId, key } = await rest.ok<{ id: string; key: string }>(
        "POST",
        "/v1/service_token",
        token,
      );
      return { id, tokenId, key };
    },
    join: (person) => patch({ add_member_users: [person] }),
    leave: (person) => patch({ remove_member_users: [person] }),
    question: (person, consistency) => ({
      orgId,
      who: { $case: "principalId", value: person },
      permission: "read",
      what: { $case: "object", value: { type: "experiment", id: experiment.id } },
      consistency,
    }),
  };
}
