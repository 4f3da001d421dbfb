// The demo organisation: a small company that builds assistants. Every step finds what an earlier, interrupted start
// has made, so it can be repeated; the secrets come last, and once they are known nothing is done again.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect } from "@portcullis/chassis/rpc/client";
import { TokensService } from "@portcullis/proto/tokens/v1/tokens";
import { type DemoEnv, isWhole, readDemoEnv, writeDemoEnv } from "./demo-env.ts";
import { firstLine, Problem } from "./problem.ts";
import { Rest, RestError } from "./rest.ts";
import { addressOf, addressVariables, type Ports } from "./services.ts";
import { checkout } from "./state-folder.ts";

const organization = { id: "0d3f0000-0000-4000-8000-00000000ace0", name: "Acme" };

const people = {
  olivia: "olivia.owner@acme.example",
  erik: "erik.engineer@acme.example",
  vera: "vera.viewer@acme.example",
  lena: "lena.lead@acme.example",
  ravi: "ravi.researcher@acme.example",
  dana: "dana.data@acme.example",
  carl: "carl.contractor@acme.example",
};

type Person = keyof typeof people;

/** The built-in groups that people are invited into. */
const builtIn: Partial<Record<Person, string>> = { erik: "Engineers", vera: "Viewers" };

const serviceAccounts = { pipeline: "nightly-pipeline", gateway: "gateway" };

/** Of each group the people, the service accounts and the groups whose members are members of it too. */
const groups = [
  { name: "Labelling", description: "Prepares the data", people: ["dana"], accounts: [], groups: [] },
  {
    name: "Evaluation",
    description: "Runs experiments",
    people: ["ravi"],
    accounts: ["pipeline"],
    groups: [],
  },
  {
    name: "Research",
    description: "Everybody who works on quality",
    people: ["lena"],
    accounts: [],
    groups: ["Labelling", "Evaluation"],
  },
] as const satisfies readonly Group[];

interface Group {
  readonly name: string;
  readonly description: string;
  readonly people: readonly Person[];
  readonly accounts: readonly (keyof typeof serviceAccounts)[];
  readonly groups: readonly string[];
}

const projects = [
  {
    name: "Support assistant",
    experiments: ["Baseline", "Shorter answers"],
    datasets: ["Tickets of spring"],
    prompts: ["Greeting", "Escalation"],
    playgrounds: ["Tone of voice"],
  },
  {
    name: "Search ranking",
    experiments: ["Click model"],
    datasets: ["Queries", "Judgements"],
    prompts: ["Query rewriting"],
    playgrounds: ["Synonyms"],
  },
  {
    name: "Voice agent",
    experiments: ["Latency"],
    datasets: ["Calls"],
    prompts: ["Opening line"],
    playgrounds: ["Interruptions"],
  },
];

export interface DemoOptions {
  readonly ports: Ports;
  readonly serviceCredential: string;
}

/** Makes the demo organisation unless it is there, and tells what stands in demo.env. */
export async function makeDemo(options: DemoOptions): Promise<DemoEnv> {
  const adminUrl = `http://${addressOf("admin", options.ports)}`;
  const decisionAddress = addressOf("decision", options.ports);
  const here = { ...(await known(adminUrl)), adminUrl, decisionAddress, orgName: organization.name };
  const founded = here.ownerKey === undefined ? { ...here, ...(await found(options)) } : here;
  writeDemoEnv(founded);
  if (isWhole(founded)) return founded;
  const made = { ...founded, ...(await furnish(options, new Rest(adminUrl, founded.ownerKey ?? ""))) };
  writeDemoEnv(made);
  if (!isWhole(made)) throw new Error("the demo organisation is incomplete");
  return made;
}

/** What an earlier start wrote down, if its Owner's key still opens the organisation. */
async function known(adminUrl: string): Promise<Partial<DemoEnv>> {
  const written = readDemoEnv();
  if (written.ownerKey === undefined) return {};
  try {
    await new Rest(adminUrl, written.ownerKey).get("/v1/organization");
    return written;
  } catch (error) {
    if (error instanceof RestError && error.status === 401) return {};
    throw error;
  }
}

const run = promisify(execFile);

/** The organisation, its first Owner and a key of theirs: the one thing that the facade can't make. */
async function found(options: DemoOptions): Promise<Pick<DemoEnv, "orgId" | "ownerKey">> {
  const command = join(checkout, "services/admin/src/create-organization.ts");
  const args = ["--id", organization.id, "--name", organization.name, "--owner-email", people.olivia];
  const env = {
    PATH: process.env["PATH"],
    ...addressVariables(options.ports),
    PORTCULLIS_SERVICE_CREDENTIAL: options.serviceCredential,
  };
  try {
    const { stdout } = await run(process.execPath, [command, ...args], { env, timeout: 60_000 });
    const printed = new Map(stdout.split("\n").map((line) => line.split("=", 2) as [string, string]));
    const ownerKey = printed.get("PORTCULLIS_OWNER_KEY");
    if (ownerKey === undefined) throw new Error("create-organization printed no key");
    return { orgId: organization.id, ownerKey };
  } catch (error) {
    const said = typeof error === "object" && error !== null && "stderr" in error ? String(error.stderr) : "";
    throw new Problem(`the demo organisation can't be made: ${firstLine(said || String(error))}`);
  }
}

interface Named {
  readonly id: string;
}

interface Listed<T> {
  readonly objects: readonly T[];
}

interface User extends Named {
  readonly email: string | null;
  readonly given_name: string | null;
  readonly family_name: string | null;
}

/** Everything else, as an administrator would do it. */
async function furnish(options: DemoOptions, rest: Rest): Promise<Partial<DemoEnv>> {
  const { personIds, accountIds } = await invite(rest);
  const groupIds = await makeGroups(rest, personIds, accountIds);
  const labeller = await rest.post<Named>("/v1/role", {
    name: "Labeller",
    description: "Fills and corrects datasets",
    member_permissions: [
      { permission: "read", restrict_object_type: null },
      { permission: "create", restrict_object_type: "dataset" },
      { permission: "update", restrict_object_type: "dataset" },
    ],
  });
  const objects = await makeProjects(rest);
  const at = (path: string): string => need(objects, path);

  const acls = [
    // On the organisation, and for all of its projects.
    {
      object_type: "organization",
      object_id: organization.id,
      group_id: need(groupIds, "Research"),
      permission: "read",
      restrict_object_type: "project",
    },
    {
      object_type: "org_member",
      object_id: organization.id,
      user_id: need(personIds, "lena"),
      permission: "create",
    },
    {
      object_type: "org_audit_logs",
      object_id: organization.id,
      user_id: need(personIds, "lena"),
      permission: "read",
    },
    // On projects.
    {
      object_type: "project",
      object_id: at("Support assistant"),
      group_id: need(groupIds, "Research"),
      permission: "read",
    },
    {
      object_type: "project",
      object_id: at("Support assistant"),
      group_id: need(groupIds, "Labelling"),
      role_id: labeller.id,
    },
    {
      object_type: "project",
      object_id: at("Search ranking"),
      group_id: need(groupIds, "Evaluation"),
      permission: "create",
      restrict_object_type: "experiment",
    },
    {
      object_type: "project",
      object_id: at("Search ranking"),
      user_id: need(accountIds, "pipeline"),
      permission: "read",
    },
    // On single objects.
    {
      object_type: "dataset",
      object_id: at("Search ranking/Judgements"),
      user_id: need(personIds, "carl"),
      permission: "update",
    },
    {
      object_type: "experiment",
      object_id: at("Voice agent/Latency"),
      user_id: need(personIds, "carl"),
      permission: "read",
    },
    {
      object_type: "prompt_session",
      object_id: at("Voice agent/Interruptions"),
      group_id: need(groupIds, "Evaluation"),
      permission: "update",
    },
  ];
  for (const acl of acls) await rest.post("/v1/acl", acl);

  return {
    // Ravi is in Evaluation, which is in Research, which may read the project of the experiment.
    readerId: need(personIds, "ravi"),
    experimentId: at("Support assistant/Baseline"),
    viewerKey: await viewersKey(options, need(personIds, "vera")),
    serviceToken: await token(rest, need(accountIds, "gateway")),
  };
}

async function invite(rest: Rest) {
  const byGroup = new Map<string | undefined, string[]>();
  for (const [person, email] of Object.entries(people) as [Person, string][]) {
    const group = builtIn[person];
    byGroup.set(group, [...(byGroup.get(group) ?? []), email]);
  }
  for (const [group, emails] of byGroup) {
    await rest.patch("/v1/organization/members", {
      invite_users: {
        emails,
        send_invite_emails: false,
        ...(group !== undefined && { group_names: [group] }),
      },
    });
  }
  const accounts = Object.values(serviceAccounts).map((name) => ({ name }));
  await rest.patch("/v1/organization/members", { invite_users: { service_accounts: accounts } });
  const { objects: members } = await rest.get<Listed<User>>("/v1/user");
  return {
    personIds: idsOf(people, (email) => members.find((user) => user.email === email)),
    accountIds: idsOf(serviceAccounts, (name) =>
      members.find((user) => user.email === null && [user.given_name, user.family_name].includes(name)),
    ),
  };
}

function idsOf(names: Readonly<Record<string, string>>, find: (name: string) => Named | undefined) {
  return new Map(Object.entries(names).map(([key, name]) => [key, find(name)?.id]));
}

async function makeGroups(rest: Rest, personIds: Ids, accountIds: Ids): Promise<Ids> {
  const made = new Map<string, string | undefined>();
  for (const group of groups as readonly Group[]) {
    const { id } = await rest.post<Named>("/v1/group", {
      name: group.name,
      description: group.description,
      member_users: [
        ...group.people.map((person) => need(personIds, person)),
        ...group.accounts.map((account) => need(accountIds, account)),
      ],
      member_groups: group.groups.map((name) => need(made, name)),
    });
    made.set(group.name, id);
  }
  return made;
}

/** The ids of all projects by name, and of all that lies in them by `project/name`. */
async function makeProjects(rest: Rest): Promise<Ids> {
  const made = new Map<string, string | undefined>();
  for (const project of projects) {
    const { id } = await rest.post<Named>("/v1/project", { name: project.name });
    made.set(project.name, id);
    const make = async (path: string, name: string, more: object = {}) => {
      const object = await rest.post<Named>(path, { project_id: id, name, ...more });
      made.set(`${project.name}/${name}`, object.id);
    };
    for (const name of project.experiments) await make("/v1/experiment", name);
    for (const name of project.datasets) await make("/v1/dataset", name);
    for (const name of project.prompts) await make("/v1/prompt", name, { slug: slugOf(name) });
    for (const name of project.playgrounds) await make("/v1/access/playground", name);
  }
  return made;
}

function slugOf(name: string): string {
  return name.toLowerCase().replaceAll(" ", "-");
}

/** PUT takes the place of one whose secret was lost with an interrupted start. */
async function token(rest: Rest, account: string): Promise<string> {
  const made = await rest.put<{ key: string }>("/v1/service_token", {
    name: "demo",
    service_account_id: account,
  });
  return made.key;
}

/** Only the Viewer could make this key through the facade, and has nothing yet to show there: so it is made in the facade's name. */
async function viewersKey({ ports, serviceCredential }: DemoOptions, viewer: string): Promise<string> {
  const address = addressOf("tokens", ports);
  using connection = connect({ peer: "tokens", address, service: "admin", serviceCredential });
  const { secret } = await connection.stub(TokensService).createCredential({
    context: { actor: undefined, requestId: "demo", sourceAddress: "", unchangedSince: [] },
    orgId: organization.id,
    kind: "api_key",
    principalId: viewer,
    name: "demo",
    expiresAt: undefined,
    scope: undefined,
    replace: true,
  });
  return secret;
}

type Ids = ReadonlyMap<string, string | undefined>;

function need(ids: Ids, key: string): string {
  const id = ids.get(key);
  if (id === undefined) throw new Error(`the demo has no ${key}`);
  return id;
}
