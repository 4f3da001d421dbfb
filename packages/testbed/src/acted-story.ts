// Acts a story of packages/policy/scenarios out on the running system, through the REST facade alone, and puts its
// expectations as questions to decision.

import { randomUUID } from "node:crypto";
import { createOrganization } from "@portcullis/admin-service/create-organization";
import { builtInGroups, objectTypes, systemRoles } from "@portcullis/policy";
import type {
  Change,
  Expectation,
  NamedAcl,
  NamedGroup,
  NamedObject,
  NamedRole,
  NewObject,
  Scenario,
} from "@portcullis/policy/testing";
import type { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import { type Rest, restClient } from "./rest.ts";
import type { System } from "./system.ts";

export interface ActedStory {
  readonly scenario: Scenario;
  readonly orgId: string;
  /** Makes a change, and answers the revision at which it stands. */
  change(change: Change): Promise<string>;
  question(expectation: Expectation): CheckRequest;
}

const collections: Partial<Record<NamedObject["type"], string>> = {
  project: "/v1/project",
  project_group: "/v1/project_group",
  experiment: "/v1/experiment",
  dataset: "/v1/dataset",
  prompt: "/v1/prompt",
  prompt_session: "/v1/access/playground",
  group: "/v1/group",
  role: "/v1/role",
};

/** Sets the scene: an organisation of its own, and all that is there before the first expectation. */
export async function actOut(system: System, scenario: Scenario): Promise<ActedStory> {
  const founder = `founder-${randomUUID()}@example.com`;
  const name = `${scenario.file} ${randomUUID()}`;
  const { orgId, ownerKey } = await createOrganization(system, { name, owner: { email: founder } });
  const rest = restClient(system.adminUrl, ownerKey);
  const ids = new Map<string, string>();
  const story = new Acting(scenario, orgId, rest, ids);
  await story.introduceBuiltIns();
  await story.introducePrincipals(system);
  for (const group of scenario.groups) await story.addGroup(group);
  for (const role of scenario.roles) await story.addRole(role);
  for (const object of scenario.objects) await story.addObject(object);
  for (const acl of scenario.acls) await story.grant(acl);
  return story;
}

interface Made {
  readonly id: string;
}

class Acting implements ActedStory {
  readonly scenario: Scenario;
  readonly orgId: string;
  readonly #rest: Rest;
  readonly #ids: Map<string, string>;

  constructor(scenario: Scenario, orgId: string, rest: Rest, ids: Map<string, string>) {
    this.scenario = scenario;
    this.orgId = orgId;
    this.#rest = rest;
    this.#ids = ids;
  }

  async introduceBuiltIns(): Promise<void> {
    const { objects } = await this.#rest.ok<{ objects: (Made & { name: string })[] }>("GET", "/v1/group");
    for (const { name } of Object.values(builtInGroups)) {
      const id = objects.find((group) => group.name === name)?.id;
      if (id !== undefined) this.#introduce("group", name, id);
    }
    for (const { name, id } of Object.values(systemRoles)) this.#introduce("role", name, id);
  }

  async introducePrincipals(system: System): Promise<void> {
    const address = (name: string) => `${name.replaceAll(" ", ".")}@${this.orgId}.example`;
    const users = this.scenario.principals.filter(({ kind }) => kind === "user");
    const accounts = this.scenario.principals.filter(({ kind }) => kind === "service_account");
    if (this.scenario.principals.length > 0) {
      await this.#rest.ok("PATCH", "/v1/organization/members", {
        invite_users: {
          emails: users.map(({ name }) => address(name)),
          service_accounts: accounts.map(({ name }) => ({ name })),
        },
      });
    }
    const filter = {
      orgId: this.orgId,
      page: undefined,
      ids: [],
      emails: [],
      givenNames: [],
      familyNames: [],
      kind: "",
    };
    const { members } = await system.identity.listMembers(filter);
    for (const { name } of users) {
      this.#introduce("principal", name, members.find(({ email }) => email === address(name))?.id ?? "");
    }
    for (const { name } of accounts) {
      const account = members.find(({ kind, givenName }) => kind === "service_account" && givenName === name);
      this.#introduce("principal", name, account?.id ?? "");
    }
    for (const name of this.scenario.strangers) {
      // A member of another organisation, where it may do everything.
      const elsewhere = await createOrganization(system, {
        name: `Elsewhere ${randomUUID()}`,
        owner: { email: address(name) },
      });
      const { members: others } = await system.identity.listMembers({ ...filter, orgId: elsewhere.orgId });
      this.#introduce("principal", name, others[0]?.id ?? "");
    }
  }

  async addGroup({ name, builtIn, members, memberGroups }: NamedGroup): Promise<void> {
    const users = members.map((member) => this.#id("principal", member));
    const groups = memberGroups.map((group) => this.#id("group", group));
    if (builtIn === null) {
      await this.#make("group", name, { name, member_users: users, member_groups: groups });
    } else {
      await this.#patchGroup(name, { add_member_users: users, add_member_groups: groups });
    }
  }

  async addRole(role: NamedRole): Promise<void> {
    await this.#make("role", role.name, { name: role.name, ...this.#contentOf(role) });
  }

  async addObject({ object, parent, alsoUnder, publicRead }: NewObject): Promise<void> {
    const name = object.name ?? "";
    const body = {
      name,
      ...(parent.type === "project" && { project_id: this.#id("project", parent.name ?? "") }),
      ...(publicRead && { public: true }),
      ...(object.type === "prompt" && { slug: name.toLowerCase().replaceAll(" ", "-") }),
    };
    await this.#make(object.type, name, body);
    for (const by of alsoUnder) await this.change({ kind: "list_project", project: object, by });
  }

  async grant(acl: NamedAcl): Promise<string> {
    return this.#write("POST", "/v1/acl", this.#aclOf(acl));
  }

  async change(change: Change): Promise<string> {
    switch (change.kind) {
      case "add_principal_to_group":
        return this.#patchGroup(change.group, {
          add_member_users: [this.#id("principal", change.principal)],
        });
      case "remove_principal_from_group":
        return this.#patchGroup(change.group, {
          remove_member_users: [this.#id("principal", change.principal)],
        });
      case "add_group_to_group":
        return this.#patchGroup(change.group, { add_member_groups: [this.#id("group", change.member)] });
      case "remove_group_from_group":
        return this.#patchGroup(change.group, { remove_member_groups: [this.#id("group", change.member)] });
      case "remove_member":
        return this.#write("PATCH", "/v1/organization/members", {
          remove_users: { ids: [this.#id("principal", change.principal)] },
        });
      case "delete_group":
        return this.#write("DELETE", `/v1/group/${this.#id("group", change.group)}`);
      case "delete_role":
        return this.#write("DELETE", `/v1/role/${this.#id("role", change.role)}`);
      case "change_role":
        return this.#write("PUT", "/v1/role", { name: change.role.name, ...this.#contentOf(change.role) });
      case "create_object":
        await this.addObject(change.object);
        return "";
      case "delete_object": {
        const { type, name } = change.object;
        return this.#write("DELETE", `${collectionOf(type)}/${this.#id(type, name ?? "")}`);
      }
      case "set_public": {
        const { type, name } = change.object;
        const path = `${collectionOf(type)}/${this.#id(type, name ?? "")}`;
        return this.#write("PATCH", path, { public: change.isPublic });
      }
      case "list_project":
        return this.#patchProjectGroup(change.by, {
          add_member_projects: [this.#id("project", change.project.name ?? "")],
        });
      case "unlist_project":
        return this.#patchProjectGroup(change.by, {
          remove_member_projects: [this.#id("project", change.project.name ?? "")],
        });
      case "grant":
        return this.grant(change.acl);
      case "withdraw":
        return this.#write("DELETE", "/v1/acl", this.#aclOf(change.acl));
    }
  }

  question({ who, permission, target }: Expectation): CheckRequest {
    return {
      orgId: this.orgId,
      who: { $case: "principalId", value: this.#id("principal", who) },
      permission,
      what:
        target.kind === "object"
          ? { $case: "object", value: this.#refOf(target.object) }
          : { $case: "place", value: { type: target.type, parent: this.#refOf(target.parent) } },
      consistency: undefined,
    };
  }

  async #patchGroup(name: string, body: object): Promise<string> {
    return this.#write("PATCH", `/v1/group/${this.#id("group", name)}`, body);
  }

  async #patchProjectGroup({ name }: NamedObject, body: object): Promise<string> {
    return this.#write("PATCH", `/v1/project_group/${this.#id("project_group", name ?? "")}`, body);
  }

  async #make(type: NamedObject["type"], name: string, body: object): Promise<void> {
    const { id } = await this.#rest.ok<Made>("POST", collectionOf(type), body);
    this.#introduce(type, name, id);
  }

  async #write(method: string, path: string, body?: unknown): Promise<string> {
    const answer = await this.#rest.request(method, path, body);
    if (answer.status !== 200) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.headers.get("x-portcullis-revision") ?? "";
  }

  #contentOf({ permissions, memberRoles }: NamedRole): object {
    return {
      member_permissions: permissions.map(({ permission, restrictObjectType }) => ({
        permission,
        restrict_object_type: restrictObjectType,
      })),
      member_roles: memberRoles.map((role) => this.#id("role", role)),
    };
  }

  #aclOf({ subject, on, grant }: NamedAcl): object {
    const { type, id } = this.#refOf(on);
    return {
      object_type: type,
      object_id: id,
      ...(subject.kind === "principal"
        ? { user_id: this.#id("principal", subject.name) }
        : { group_id: this.#id("group", subject.name) }),
      ...(grant.kind === "role"
        ? { role_id: this.#id("role", grant.name) }
        : { permission: grant.permission, restrict_object_type: grant.restrictObjectType }),
    };
  }

  #refOf({ type, name }: NamedObject): { type: string; id: string } {
    const { idOf } = objectTypes[type];
    if (type === "organization" || idOf === "organization") return { type, id: this.orgId };
    return { type, id: this.#id(idOf === "project" ? "project" : type, name ?? "") };
  }

  #introduce(kind: string, name: string, id: string): void {
    if (id === "") throw new Error(`${kind} ${name} has no id`);
    this.#ids.set(`${kind} ${name}`, id);
  }

  /** A misspelt name must not pass for somebody who may not. */
  #id(kind: string, name: string): string {
    const id = this.#ids.get(`${kind} ${name}`);
    if (id === undefined) throw new Error(`${this.scenario.file}: nothing is named ${kind} ${name}`);
    return id;
  }
}

function collectionOf(type: NamedObject["type"]): string {
  const path = collections[type];
  if (path === undefined) throw new Error(`${type} can't be made over REST`);
  return path;
}
