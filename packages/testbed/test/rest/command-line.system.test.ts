import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Facade, type Person, startFacade } from "./facade.ts";

// The command line that comes with the public SDK, pointed at us.

const parts = new AsyncDisposableStack();
let facade: Facade;
let home: string;
beforeAll(async () => {
  facade = parts.use(await startFacade());
  home = await mkdtemp(join(tmpdir(), "portcullis-bt-"));
  parts.defer(() => rm(home, { recursive: true }));
});
afterAll(() => parts.disposeAsync());

const program = createRequire(import.meta.url)
  .resolve("braintrust/package.json")
  .replace(/package.json$/, "bin/bt");

/** What it prints; an error, with what it printed, when it fails. */
async function bt(person: Person, ...command: string[]): Promise<string> {
  const running = promisify(execFile)(process.execPath, [program, ...command, "--no-input", "--no-color"], {
    cwd: home,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      BRAINTRUST_API_KEY: person.key,
      BRAINTRUST_API_URL: facade.system.adminUrl,
      BRAINTRUST_APP_URL: facade.system.adminUrl,
    },
  });
  // Without an end of its input it waits for rows of a dataset.
  running.child.stdin?.end();
  return (await running).stdout;
}

async function list(person: Person, ...command: string[]): Promise<readonly { id: string; name: string }[]> {
  return JSON.parse(await bt(person, ...command, "--json")) as { id: string; name: string }[];
}

test("projects are made, listed and deleted, each the one that was named", async () => {
  const { owner } = facade;
  const [older, newer] = [randomUUID(), randomUUID()];
  await bt(owner, "projects", "create", older);
  await bt(owner, "projects", "create", newer);
  const named = async () => (await list(owner, "projects", "list")).map(({ name }) => name);
  expect(await named()).toEqual([newer, older]);
  await expect(bt(owner, "projects", "create", older)).rejects.toThrow(/already exists/);
  await bt(owner, "projects", "delete", older, "--force");
  expect(await named()).toEqual([newer]);
});

test("what lies in a project is made, listed and deleted", async () => {
  const { owner } = facade;
  const project = randomUUID();
  await bt(owner, "projects", "create", project);
  const { id } = (await list(owner, "projects", "list")).find(({ name }) => name === project) ?? { id: "" };
  await bt(owner, "datasets", "create", "questions", "--project", project, "--description", "d");
  await owner.rest.ok("POST", "/v1/experiment", { project_id: id, name: "trial" });
  const prompt = {
    project_id: id,
    name: "Greeting",
    slug: "greeting",
    prompt_data: { options: { model: "m" } },
  };
  await owner.rest.ok("POST", "/v1/prompt", prompt);
  for (const [noun, name, argument] of [
    ["datasets", "questions", "questions"],
    ["experiments", "trial", "trial"],
    ["prompts", "Greeting", "greeting"],
  ] as const) {
    const listed = () => list(owner, noun, "list", "--project", project);
    expect(await listed()).toEqual([expect.objectContaining({ name, project_id: id })]);
    await bt(owner, noun, "delete", argument, "--project", project, "--force");
    expect(await listed()).toEqual([]);
  }
});

test("whoever may not is told so", async () => {
  await expect(bt(facade.viewer, "projects", "create", randomUUID())).rejects.toThrow(/403 Forbidden/);
  await expect(bt({ ...facade.viewer, key: "sk-wrong" }, "projects", "list")).rejects.toThrow(/401|expired/);
});
