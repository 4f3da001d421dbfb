import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "@portcullis/one-machine/free-port";
import fc from "fast-check";
import { generate } from "selfsigned";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Facade, newEmail, type Person, startFacade } from "./rest/facade.ts";

// The program `portcullis`, as people and scripts run it.

const program = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));

const parts = new AsyncDisposableStack();
let facade: Facade;
let home: string;
let project: string;
let experiment: string;
let reader: { readonly id: string; readonly email: string };
beforeAll(async () => {
  facade = parts.use(await startFacade());
  home = await mkdtemp(join(tmpdir(), "portcullis-cli-"));
  parts.defer(() => rm(home, { recursive: true }));
  const { rest } = facade.owner;
  project = (await rest.ok<{ id: string }>("POST", "/v1/project", { name: "Search" })).id;
  experiment = (
    await rest.ok<{ id: string }>("POST", "/v1/experiment", { project_id: project, name: "Tuned" })
  ).id;
  await rest.ok("POST", "/v1/dataset", { project_id: project, name: "Judgements" });
  reader = await invite();
  const inner = await rest.ok<{ id: string }>("POST", "/v1/group", {
    name: "Ranking team",
    member_users: [reader.id],
  });
  const outer = await rest.ok<{ id: string }>("POST", "/v1/group", {
    name: "Search team",
    member_groups: [inner.id],
  });
  await rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: project,
    group_id: outer.id,
    permission: "read",
  });
});
afterAll(() => parts.disposeAsync());

async function invite(): Promise<{ id: string; email: string }> {
  const email = newEmail();
  const made = await facade.owner.rest.ok<{ added_users: { id: string }[] }>(
    "PATCH",
    "/v1/organization/members",
    { invite_users: { emails: [email] } },
  );
  return { id: made.added_users[0]?.id ?? "", email };
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Circumstances {
  /** Null: nobody, but who is logged in. */
  readonly person?: Person | null;
  readonly adminUrl?: string;
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** False: whoever should read what it tells is gone. */
  readonly isRead?: boolean;
}

function portcullis(args: readonly string[], circumstances: Circumstances = {}): Promise<Ended> {
  const { person = facade.owner, adminUrl = facade.system.adminUrl, input = "" } = circumstances;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: home,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        // So many processes spend most of their time compiling the same libraries.
        NODE_COMPILE_CACHE: join(home, "compile-cache"),
        PORTCULLIS_ADMIN_URL: adminUrl,
        ...(person !== null && { PORTCULLIS_API_KEY: person.key }),
        ...circumstances.environment,
      },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    if (circumstances.isRead === false) {
      child.stdout.destroy();
      child.stderr.destroy();
    }
    child.on("error", reject);
    child.on("close", (code) => {
      // Whatever it is asked, and whatever goes wrong.
      if (`${stdout}${stderr}`.includes(facade.owner.key)) reject(new Error("it told the key"));
      else resolve({ code, stdout, stderr });
    });
    child.stdin.end(input);
  });
}

/** What it printed, of a run that ended well. */
async function ok(args: readonly string[], circumstances?: Circumstances): Promise<string> {
  const { code, stdout, stderr } = await portcullis(args, circumstances);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}${stdout}`);
  return stdout;
}

async function json<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await ok([...args, "--json"])) as T;
}

test("a key is taken from standard input, kept for oneself, used, and forgotten", async () => {
  const { key, id } = facade.owner;
  const nobody = { person: null };
  expect(await portcullis(["whoami"], nobody)).toMatchObject({
    code: 3,
    stderr: "portcullis: nobody is logged in: run portcullis login, or set PORTCULLIS_API_KEY\n",
  });
  const login = await portcullis(["login"], { ...nobody, input: `${key}\n` });
  expect(login).toMatchObject({ code: 0, stderr: "" });
  expect(login.stdout).not.toContain(key);
  const file = join(home, ".config/portcullis/account.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const who = JSON.parse(await ok(["whoami", "--json"], nobody)) as object;
  expect(who).toMatchObject({ principal_id: id, organization: { id: facade.org.orgId }, key_from: file });
  await chmod(file, 0o644);
  expect((await portcullis(["whoami"], nobody)).stderr).toMatch(/can be read by others/);
  await chmod(file, 0o600);
  await ok(["logout"], nobody);
  expect((await portcullis(["whoami"], nobody)).code).toBe(3);
});

test("check and explain end as scripts want to know, and errors are one line that names the field", async () => {
  const target = "experiment:Search/Tuned";
  const ends = async (args: readonly string[], circumstances?: Circumstances) => {
    const { code, stderr } = await portcullis(args, circumstances);
    expect(stderr.split("\n").length).toBeLessThanOrEqual(2);
    return [code, stderr.trim()];
  };
  const refused = `http://127.0.0.1:${await freePort()}`;
  const wrong = {
    ...facade.owner,
    key: facade.owner.key.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
  };
  const [allowed, byId, denied, create, permission, type, absent, forbidden, badKey, away] =
    await Promise.all([
      ends(["check", reader.email, "read", target]),
      ends(["check", reader.id, "read", `experiment:${experiment}`, "--fully-consistent"]),
      ends(["check", reader.email, "update", target]),
      ends(["check", "me", "create", "experiment@project:Search"]),
      ends(["check", reader.email, "fly", target]),
      ends(["explain", reader.email, "read", "palace:x"]),
      ends(["check", "nobody@example.com", "read", target]),
      ends(["check", reader.email, "read", `experiment:${experiment}`], { person: facade.engineer }),
      ends(["check", reader.id, "read", target], { person: wrong }),
      ends(["check", reader.id, "read", `experiment:${experiment}`], { adminUrl: refused }),
    ]);
  expect([allowed, byId, denied, create].map(([code]) => code)).toEqual([0, 0, 1, 0]);
  expect(permission).toEqual([2, expect.stringContaining("'fly' is invalid for argument 'permission'")]);
  expect(type).toEqual([2, expect.stringContaining("OBJECT: `palace` is no type of object")]);
  expect(absent).toEqual([5, "portcullis: WHO: no such member: `nobody@example.com`"]);
  expect(forbidden).toEqual([4, expect.stringContaining("portcullis: not allowed")]);
  expect(badKey).toEqual([2, expect.stringContaining("PORTCULLIS_API_KEY: is no API key")]);
  expect(away).toEqual([7, `portcullis: ${refused}: can't be reached: ECONNREFUSED`]);
});

test("it ends the same when nobody reads what it tells: a denial is none the less one", async () => {
  const unread = { isRead: false };
  const check = ["check", reader.id, "update", `experiment:${experiment}`];
  const [denied, malformed, listed] = await Promise.all([
    portcullis(check, unread),
    portcullis(["check", "me", "fly", "organization"], unread),
    portcullis(["members", "list"], unread),
  ]);
  expect([denied.code, malformed.code, listed.code]).toEqual([1, 2, 0]);
});

test("an authority that is not known is trusted when a file says so, and not before", async () => {
  const { private: privateKey, cert } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] },
    ],
  });
  const file = join(home, "authority.pem");
  await writeFile(file, cert);
  await using way = await wayToFacade(async () => true, { key: privateKey, cert });
  const whoami = (environment: Record<string, string>) =>
    portcullis(["whoami"], { adminUrl: way.url, environment });
  expect(await whoami({})).toMatchObject({ code: 7, stderr: expect.stringContaining("SELF_SIGNED") });
  expect((await whoami({ PORTCULLIS_TLS_CA_FILE: file })).code).toBe(0);
  expect(await whoami({ PORTCULLIS_TLS_CA_FILE: `${file}.not` })).toMatchObject({
    code: 2,
    stderr: "portcullis: PORTCULLIS_TLS_CA_FILE: can't be read: ENOENT\n",
  });
});

test("explain draws the ways from the member through groups to the object, and where they break off", async () => {
  const drawn = await ok(["explain", reader.email, "read", "experiment:Search/Tuned"]);
  expect(drawn).toContain(
    [
      reader.email,
      "└─ in group Ranking team",
      "   └─ in group Search team",
      "      └─ has read on project Search",
      "         └─ reaches experiment Tuned",
      "",
    ].join("\n"),
  );
  const broken = await portcullis(["explain", reader.email, "delete", "experiment:Search/Tuned"]);
  expect(broken.code).toBe(1);
  expect(broken.stdout).toContain("has read on project Search\n");
  expect(broken.stdout).toContain("✗ gives read there");
  // It is piped: there are no colours, and no bars.
  expect(`${drawn}${broken.stdout}${broken.stderr}`).not.toContain("\u001b");
});

test("every command answers in JSON, whose parts other commands take", async () => {
  type Made = { readonly id: string };
  const name = `Team ${randomUUID()}`;
  const group = await json<Made & { member_users: string[] }>([
    "groups",
    "create",
    name,
    "--member",
    reader.email,
    "--group",
    "Ranking team",
  ]);
  expect(group.member_users).toEqual([reader.id]);
  const role = await json<Made>([
    "roles",
    "create",
    name,
    "--permission",
    "read",
    "--permission",
    "update:dataset",
    "--role",
    "Viewer",
  ]);
  const [acl, account] = await Promise.all([
    json<Made>(["acls", "create", "--on", "project:Search", "--to-group", name, "--role", name]),
    json<{ added_users: Made[] }>(["members", "invite", "--service-account", name, "--group", name]),
  ]);
  const [token, key] = await Promise.all([
    json<Made & { key: string }>([
      "service-tokens",
      "create",
      name,
      "--for",
      name,
      "--scope-permission",
      "read",
    ]),
    json<Made & { key: string }>(["api-keys", "create", name, "--scope-under", "project:Search"]),
  ]);
  const expiry = "2099-01-01T00:00:00.000Z";
  const rows: readonly (readonly [readonly string[], object])[] = [
    [["groups", "list", "--search", name], { groups: [{ id: group.id, member_count: 2 }] }],
    [["groups", "show", name], { id: group.id }],
    [
      ["groups", "update", name, "--description", "d", "--remove-group", "Ranking team"],
      { description: "d" },
    ],
    [["roles", "list"], { objects: expect.arrayContaining([expect.objectContaining({ id: role.id })]) }],
    [["roles", "show", role.id], { name }],
    [["roles", "update", name, "--remove-permission", "read"], { id: role.id }],
    [["acls", "list", "--role", name], { objects: [{ id: acl.id }] }],
    [["acls", "show", acl.id], { group_id: group.id, role_id: role.id }],
    [["acls", "update", acl.id, "--expires-at", expiry], { expires_at: expiry }],
    [["members", "list", "--kind", "service_account"], { members: [{ id: account.added_users[0]?.id }] }],
    [["members", "show", name], { id: account.added_users[0]?.id }],
    [["api-keys", "list"], { objects: expect.arrayContaining([expect.objectContaining({ id: key.id })]) }],
    [["api-keys", "show", key.id], { name }],
    [["service-tokens", "list"], { objects: [{ id: token.id, service_account_name: name }] }],
    [["service-tokens", "show", token.id], { name }],
    [["audit-log", "--on", `group:${group.id}`, "--action", "group_created"], { events: [{ actor: {} }] }],
    [
      ["list-objects", reader.email, "read", "experiment", "--under", "project:Search"],
      { ids: [experiment] },
    ],
    [["list-principals", "delete", "org_audit_logs"], { principals: [{ reason: "grant" }] }],
    [["export"], { version: 1, groups: { [name]: {} } }],
    [["doctor"], { well: true }],
  ];
  for (const half of [rows.slice(0, 10), rows.slice(10)]) {
    await Promise.all(half.map(async ([args, shape]) => expect(await json(args)).toMatchObject(shape)));
  }
  // The same for people: a table that holds what they look for.
  expect(await ok(["acls", "list", "--to-group", name])).toMatch(
    new RegExp(`^ON .*\\nproject:Search +group ${name} +role ${name} +${expiry} +${acl.id}\\n$`),
  );
  // What is destroyed is asked for, and nobody is there to answer.
  const asked = await portcullis(["groups", "delete", name]);
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes: is required") });
  for (const args of [
    ["acls", "delete", acl.id],
    ["groups", "delete", name],
    ["roles", "delete", name],
    ["service-tokens", "delete", token.id],
    ["members", "remove", name],
    ["api-keys", "delete", key.id],
  ]) {
    await ok([...args, "--yes", "--json"]);
  }
  expect((await portcullis(["groups", "show", name])).code).toBe(5);
});

test("a secret stands alone on standard output, this once, and does what it is for", async () => {
  const made = await portcullis(["api-keys", "create", "for a script", "--quiet"]);
  expect(made).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^sk-[0-9A-Za-z]{60}\n$/),
  });
  const person = { ...facade.owner, key: made.stdout.trim() };
  const { objects } = JSON.parse(await ok(["api-keys", "list", "--json"], { person })) as {
    objects: { id: string; name: string }[];
  };
  const { id = "" } = objects.find(({ name }) => name === "for a script") ?? {};
  const rotated = await portcullis(["api-keys", "rotate", id, "--overlap", "0"], { person });
  expect(rotated.stderr).toBe("for a script: this is shown once and kept nowhere\n");
  expect((await portcullis(["whoami"], { person })).code).toBe(3);
  const later = await portcullis(["whoami", "--debug"], {
    person: { ...person, key: rotated.stdout.trim() },
  });
  expect(later.code).toBe(0);
  expect(later.stderr).toContain("POST /v1/access/permissions answered 200");
  expect(later.stderr).not.toContain(rotated.stdout.trim());
});

describe("policy as code", () => {
  const fileOf = (name: string) => join(home, name);

  test("a file is exported, edited, planned, refused on drift, applied, and exported again the same", async () => {
    const file = fileOf("access.yaml");
    await ok(["export", "--out", file]);
    expect(await portcullis(["plan", file])).toMatchObject({ code: 0, stdout: "nothing to do\n" });
    const edited = (await readFile(file, "utf8"))
      .replace(`    members:\n      - ${reader.email}\n`, "    members: []\n")
      .replace(
        "groups:\n",
        `groups:\n  Auditors: {members: [${reader.email}], groups: []}\n  Unused: {groups: [Auditors]}\n`,
      )
      .replace("roles: {}\n", "roles:\n  Auditor: {permissions: [read], roles: [Viewer]}\n")
      .replace(
        "acls:\n",
        "acls:\n  - object: {type: dataset, path: [Search, Judgements]}\n    group: Auditors\n    role: Auditor\n",
      );
    await writeFile(file, edited);

    const planned = await portcullis(["plan", file, "--out", fileOf("plan.json")]);
    expect(planned).toMatchObject({ code: 1, stderr: "" });
    expect(planned.stdout).toContain(
      [
        "+ group Auditors",
        `    + member ${reader.email}`,
        "~ group Ranking team",
        `    - member ${reader.email}`,
        "+ group Unused",
        "    + group Auditors",
        "+ role Auditor",
        "    + read",
        "    + role Viewer",
        "+ dataset:Search/Judgements  group Auditors: role Auditor",
      ].join("\n"),
    );
    // Of the dataset nothing changes: what one way gave the other one gives.
    expect(planned.stdout).toMatch(new RegExp(`${reader.email} +experiment:Search/Tuned +read\\n`));
    expect(planned.stdout).not.toMatch(new RegExp(`${reader.email} +dataset:`));

    const drifted = await portcullis(["members", "invite", newEmail(), "--group", "Viewers"]);
    expect(drifted.code).toBe(0);
    for (const source of [file, fileOf("plan.json")]) {
      const refused = await portcullis(["apply", source, "--yes", "--quiet"]);
      expect(refused).toMatchObject({
        code: 6,
        stdout: "",
        stderr: expect.stringMatching(
          /changed since by others:\n~ group Viewers\n {4}\+ member .*\n\nportcullis: the organization has changed since/,
        ),
      });
    }
    expect((await portcullis(["check", reader.email, "read", "experiment:Search/Tuned"])).code).toBe(0);

    // The saved plan leaves alone what others did; it is of what it was made of.
    const applied = await ok(["apply", fileOf("plan.json"), "--yes", "--accept-drift"]);
    expect(applied.split("\n")).toEqual([
      "updated group Ranking team",
      "created role Auditor",
      "created group Auditors",
      "created group Unused",
      "added 1 ACLs",
      "",
    ]);
    expect((await portcullis(["check", reader.email, "read", "experiment:Search/Tuned"])).code).toBe(1);
    await ok(["apply", fileOf("plan.json"), "--yes", "--accept-drift"]);
    await ok(["export", "--out", fileOf("again.yaml")]);
    expect((await portcullis(["plan", fileOf("again.yaml"), "--prune"])).code).toBe(0);
    // Whoever creates a group is granted it, which the file does not say: with --prune that goes.
    const pruned = await json<{ done: string[] }>(["apply", file, "--yes", "--prune", "--accept-drift"]);
    expect(pruned.done).toContain("updated group Viewers");
    const exported = await ok(["export"]);
    expect(await readFile(file, "utf8")).toContain(/^made_against: .*$/m.exec(exported)?.[0]);
    expect((await portcullis(["plan", file, "--prune"])).code).toBe(0);
  });

  test("an application that breaks off anywhere has done a part, and is gone on with by the same command", async () => {
    const file = fileOf("broken-off.yaml");
    const name = randomUUID();
    await ok(["export", "--out", file]);
    const text = await readFile(file, "utf8");
    await writeFile(
      file,
      text
        .replace(
          "groups:\n",
          `groups:\n  ${name}: {members: [${reader.email}]}\n  z${name}: {groups: [${name}]}\n`,
        )
        .replace("acls:\n", `acls:\n  - {object: {type: organization}, group: z${name}, permission: read}\n`),
    );
    await using broken = await wayToFacade(async (writes) => writes < 2);
    const first = await portcullis(["apply", file, "--yes"], { adminUrl: broken.url });
    expect(first).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("(2 of 3 writes were done; the same command again does the rest)"),
    });
    expect((await portcullis(["check", reader.email, "read", "org_member"])).code).toBe(1);
    expect(await ok(["apply", file, "--yes", "--quiet"])).toBe("added 1 ACLs\n");
    expect((await portcullis(["check", reader.email, "read", "org_member"])).code).toBe(0);
  });

  test("what somebody else changes in that very moment is not overwritten", async () => {
    const file = fileOf("raced.yaml");
    const name = randomUUID();
    await ok(["groups", "create", `Team ${name}`]);
    const text = await ok(["export"]);
    const mine = new RegExp(`( {2}Team ${name}:\\n {4}description: )""`);
    await writeFile(file, text.replace(mine, "$1mine"));
    await using raced = await wayToFacade(async () => {
      await ok(["groups", "update", `Team ${name}`, "--description", "theirs"]);
      return true;
    });
    expect(await portcullis(["apply", file, "--yes", "--quiet"], { adminUrl: raced.url })).toMatchObject({
      code: 6,
      stderr: expect.stringContaining(`somebody else changed the group \`Team ${name}\` meanwhile`),
    });
    expect(await json(["groups", "show", `Team ${name}`])).toMatchObject({ description: "theirs" });
  });

  test("what the system would refuse is refused before the first write", async () => {
    const file = fileOf("refused.yaml");
    const text = await ok(["export"]);
    const attempt = async (from: RegExp, to: string) => {
      await writeFile(file, text.replace(from, to));
      const { code, stderr } = await portcullis(["apply", file, "--yes", "--quiet"]);
      return [code, stderr.trim().split("\n").at(-1)];
    };
    const before = await facade.owner.rest.ok("GET", "/v1/group");
    const ownersBlock = /( {2}Owners:\n(?: {4}description:.*\n)? {4}members:)\n {6}- .*\n/;
    expect(await attempt(ownersBlock, `$1 []\n`)).toEqual([
      8,
      expect.stringContaining("portcullis: the plan would be refused"),
    ]);
    expect(await attempt(ownersBlock, `$1\n      - ${reader.email}\n`)).toEqual([
      6,
      expect.stringMatching(/^portcullis: you would lose .*: let somebody else apply it$/),
    ]);
    expect(await attempt(/path: \[Search, Judgements\]/, "path: [Search, Nothing]")).toEqual([
      2,
      expect.stringMatching(/acls\[\d+\]\.object: there is no such dataset/),
    ]);
    expect(await facade.owner.rest.ok("GET", "/v1/group")).toEqual(before);
  });

  test("whoever may look but not do is told so before the first write", async () => {
    const scope = ["--scope-permission", "read", "--scope-permission", "read_acls"];
    const key = await ok(["api-keys", "create", "to look", ...scope, "--quiet"]);
    const looking = { ...facade.owner, key: key.trim() };
    const file = fileOf("looked-at.yaml");
    const text = await ok(["export"], { person: looking });
    await writeFile(file, text.replace("groups:\n", `groups:\n  ${randomUUID()}: {}\n`));
    expect((await portcullis(["plan", file], { person: looking })).code).toBe(1);
    expect(await portcullis(["apply", file, "--yes", "--quiet"], { person: looking })).toMatchObject({
      code: 4,
      stderr: "portcullis: not allowed: the plan takes create groups\n",
    });
    expect((await portcullis(["apply", file, "--yes"])).code).toBe(0);
  });

  test("a key that does not see all may not plan", async () => {
    expect(await portcullis(["export"], { person: facade.engineer })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("read_acls on the organization"),
    });
  });

  test("any organisation comes to be as a file says, and its export says the same", async () => {
    const people = await Promise.all(Array.from({ length: 3 }, invite));
    const owner = /Owners:\n(?: {4}description:.*\n)? {4}members:\n {6}- (.*)\n/.exec(
      await ok(["export"]),
    )?.[1];
    const names = ["A: x", "B", "C'\"", "# D"];
    const emails = people.map(({ email }) => email);
    const acl = fc.record(
      {
        object: fc.constantFrom(
          { type: "project", path: ["Search"] },
          { type: "dataset", path: ["Search", "Judgements"] },
          { type: "org_project" },
          { type: "group", path: ["B"] },
        ),
        group: fc.constantFrom(...names),
        permission: fc.constantFrom("read", "update"),
      },
      { noNullPrototype: true },
    );
    const anyFile = fc
      .record({
        inside: fc.array(fc.subarray(emails), { minLength: 4, maxLength: 4 }),
        nested: fc.subarray([0, 1, 2]),
        permissions: fc.subarray(["read", "delete", { permission: "create", only: "prompt" }]),
        acls: fc.uniqueArray(acl, { maxLength: 6, selector: (one) => JSON.stringify(one) }),
      })
      .map(({ inside, nested, permissions, acls }) => ({
        version: 1,
        groups: {
          ...Object.fromEntries(
            names.map((name, index) => [
              name,
              {
                description: name,
                members: inside[index]?.toSorted(),
                groups: nested.includes(index) ? [names[index + 1]] : [],
              },
            ]),
          ),
          Owners: { members: [owner], groups: [] },
        },
        roles: { "R.1": { description: "", permissions, roles: ["Engineer"] } },
        acls: [...acls, { object: { type: "project", path: ["Search"] }, user: emails[0], role: "R.1" }],
      }));
    for (const file of fc.sample(anyFile, 2)) {
      // JSON is YAML too.
      await ok(["apply", "-", "--yes", "--prune", "--quiet"], { input: JSON.stringify(file) });
      const exported = await json<typeof file>(["export"]);
      expect(exported.groups).toMatchObject(file.groups);
      expect(exported.roles).toMatchObject({
        "R.1": { ...file.roles["R.1"], permissions: expect.anything() },
      });
      const sorted = (acls: readonly unknown[]) => acls.map((one) => JSON.stringify(one)).toSorted();
      expect(sorted(exported.acls)).toEqual(sorted(file.acls));
    }
  });
});

describe("completion", () => {
  test("the script that bash loads offers commands, options and their values, and runs nothing of the line", async () => {
    const script = join(home, "completion.bash");
    await writeFile(script, await ok(["completion", "bash"]));
    const run = promisify(execFile);
    await run("bash", ["-n", script]);
    const offers = async (...words: readonly string[]) => {
      const ask = `
        portcullis() { "${process.execPath}" "${program}" "$@"; }
        . "${script}"
        COMP_WORDS=(portcullis "$@"); COMP_CWORD=$#
        _portcullis
        printf '%s\\n' "\${COMPREPLY[@]}"
        complete -p portcullis`;
      const { stdout } = await run("bash", ["-c", ask, "bash", ...words], { cwd: home });
      return stdout.trim().split("\n");
    };
    const registered = "complete -o default -F _portcullis portcullis";
    expect(await offers("gro")).toEqual(["groups", registered]);
    expect(await offers("acls", "create", "--to")).toEqual(["--to", "--to-group", registered]);
    expect(await offers("check", "$(touch run)", "read")).toEqual(["read", "read_acls", registered]);
    await expect(stat(join(home, "run"))).rejects.toThrow("ENOENT");
  });

  test.each(["zsh", "fish"])("there is a script for %s, which it takes where it is there", async (shell) => {
    const script = join(home, `completion.${shell}`);
    await writeFile(script, await ok(["completion", shell]));
    const checked = await promisify(execFile)(shell, ["-n", script]).catch(
      (error: NodeJS.ErrnoException) => error,
    );
    expect(checked instanceof Error ? checked.code : 0).toSatisfy((code) => code === 0 || code === "ENOENT");
  });
});

test("doctor tells what is broken, and what to do about it", async () => {
  await facade.system.stop("decision");
  const sick = await portcullis(["doctor"]);
  expect(sick.code).toBe(1);
  expect(sick.stdout).toMatch(/✓ admin /);
  expect(sick.stdout).toMatch(/✗ key .*\n +→ look at its log/);
  const away = await portcullis(["doctor", "--json"], { adminUrl: `http://127.0.0.1:${await freePort()}` });
  expect(away.code).toBe(1);
  const { findings } = JSON.parse(away.stdout) as { findings: { check: string; status: string }[] };
  expect(findings[0]).toMatchObject({ check: "admin", status: "failed", advice: expect.any(String) });
});

/** A way to the facade, on which something happens before each write; it breaks down when that answers false. */
async function wayToFacade(
  beforeWrite: (before: number) => Promise<boolean>,
  certificate?: { readonly key: string; readonly cert: string },
): Promise<AsyncDisposable & { readonly url: string }> {
  let writes = 0;
  const pass: RequestListener = (request, response) => {
    const isWrite = /^\/v1\/(group|role|acl)/.test(request.url ?? "") && request.method !== "GET";
    void (async () => {
      if (isWrite && !(await beforeWrite(writes))) {
        request.socket.destroy();
        return;
      }
      if (isWrite) writes += 1;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = await fetch(`${facade.system.adminUrl}${request.url}`, {
        method: request.method ?? "GET",
        headers: {
          authorization: request.headers.authorization ?? "",
          ...(chunks.length > 0 && { "content-type": "application/json" }),
          ...(request.headers["if-match"] !== undefined && { "if-match": request.headers["if-match"] }),
        },
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      });
      const headers = Object.fromEntries(
        ["content-type", "etag", "x-bt-found-existing"].flatMap((name) => {
          const value = answer.headers.get(name);
          return value === null ? [] : [[name, value]];
        }),
      );
      response.writeHead(answer.status, headers).end(await answer.text());
    })();
  };
  const server = certificate === undefined ? createServer(pass) : createSecureServer(certificate, pass);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
