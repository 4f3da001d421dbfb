import { randomInt, randomUUID } from "node:crypto";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Facade, startFacade } from "./facade.ts";
import { type FuzzedRequest, type Operation, requests, type World } from "./fuzz-cases.ts";

// Whatever is sent, there is an answer, it is no 500, and it is what the description says.

const casesOfEach = 20;
const atOnce = 8;
const patienceMs = 15_000;
const seed = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 31));

interface Description {
  readonly components: Responses;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation & Responses>>>>;
}

interface Responses {
  readonly responses: Readonly<Record<string, Described>>;
}

interface Described {
  /** Several operations share it. */
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Case {
  readonly operation: string;
  readonly method: string;
  readonly request: FuzzedRequest;
}

let facade: Facade;
let description: Description;
let world: World;
beforeAll(async () => {
  facade = await startFacade();
  description = (await (await fetch(`${facade.system.adminUrl}/openapi.json`)).json()) as Description;
  world = await makeWorld();
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function makeWorld(): Promise<World> {
  const { owner, viewer, engineer, newcomer, stranger, org, builtIn } = facade;
  const make = async (path: string, body: object) =>
    (
      await owner.rest.ok<{ id: string }>(
        "POST",
        path,
        path === "/v1/acl" ? body : { name: randomUUID(), ...body },
      )
    ).id;
  const project = await make("/v1/project", {});
  const inProject = { project_id: project };
  const ofProject = { object_type: "project", object_id: project };
  const right = {
    org_name: org.name,
    org_id: org.orgId,
    organization_id: org.orgId,
    user_id: viewer.id,
    project_id: project,
    group_id: await make("/v1/group", { member_users: [viewer.id] }),
    role_id: await make("/v1/role", { member_permissions: [{ permission: "read" }] }),
    acl_id: await make("/v1/acl", { ...ofProject, user_id: newcomer.id, permission: "read" }),
    experiment_id: await make("/v1/experiment", inProject),
    dataset_id: await make("/v1/dataset", inProject),
    prompt_id: await make("/v1/prompt", { ...inProject, slug: "s" }),
    function_id: await make("/v1/function", { ...inProject, slug: "f", function_data: {} }),
    playground_id: await make("/v1/access/playground", inProject),
    view_id: await make("/v1/view", { ...ofProject, view_type: "logs" }),
    env_var_id: await make("/v1/env_var", ofProject),
    project_score_id: await make("/v1/project_score", { ...inProject, score_type: "slider" }),
    project_tag_id: await make("/v1/project_tag", inProject),
    project_group_id: await make("/v1/project_group", { member_projects: [project] }),
    ai_secret_id: await make("/v1/ai_secret", {}),
    environment_id: await make("/environment", { slug: "e" }),
    api_key_id: await make("/v1/api_key", {}),
  };
  const people = [engineer.id, newcomer.id, stranger.id, owner.id, builtIn.viewers];
  return { ids: [...new Set([...Object.values(right).slice(1), ...people, randomUUID()])], right };
}

/** In an order of their own, deletions last, so that there is something to speak of. */
function drawCases(): Case[] {
  const cases = Object.entries(description.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      fc.sample(requests(path, operation, world), { numRuns: casesOfEach, seed }).map((request) => ({
        operation: path,
        method: method.toUpperCase(),
        request,
      })),
    ),
  );
  const [shuffled = []] = fc.sample(
    fc.shuffledSubarray(cases, { minLength: cases.length, maxLength: cases.length }),
    { numRuns: 1, seed },
  );
  const isDeletion = ({ method }: Case) => Number(method === "DELETE");
  return shuffled.toSorted((one, other) => isDeletion(one) - isDeletion(other));
}

async function send({ method, request }: Case) {
  const { path, body, impersonate } = request;
  const response = await fetch(`${facade.system.adminUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${facade.owner.key}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(impersonate !== null && { "x-bt-impersonate-user": impersonate }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(patienceMs),
  });
  const type = response.headers.get("content-type")?.split(";")[0] ?? "";
  if (type === "text/event-stream") {
    // It goes on until nobody listens.
    await response.body?.cancel();
    return { status: response.status, type, body: null };
  }
  const text = await response.text();
  return { status: response.status, type, body: type.endsWith("json") ? JSON.parse(text) : text };
}

test("nothing that is sent breaks it, and every answer is as described", async () => {
  const judge = judgeOf(description);
  const cases = drawCases();
  const wrong: string[] = [];
  const statuses = new Map<number, number>();
  const queue = cases.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const one of queue) {
        const shown = `${one.method} ${one.request.path} ${JSON.stringify(one.request.body)?.slice(0, 500)}`;
        try {
          const answer = await send(one);
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          const reason = judge(one, answer);
          if (reason !== null) wrong.push(`${shown}: ${reason}`);
        } catch (thrown) {
          wrong.push(`${shown}: ${String(thrown)}`);
        }
      }
    }),
  );
  const told = [...statuses]
    .toSorted(([one], [other]) => one - other)
    .map(([status, n]) => `${n} x ${status}`);
  process.stdout.write(`fuzz: ${cases.length} requests, ${told.join(", ")}, seed ${seed}\n`);
  expect(wrong.slice(0, 20)).toEqual([]);
  // It would prove little if all were refused.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(cases.length / 10);
  // Who asked is still an Owner, so nothing of it was refused for another reason than its own.
  await facade.owner.rest.ok("GET", "/v1/service_token");
}, 240_000);

/** What is wrong with an answer, by the description; null when nothing is. */
function judgeOf(api: Description) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(api, "api");
  const validators = new Map<string, ValidateFunction>();
  const validator = (pointer: string): ValidateFunction => {
    const known = validators.get(pointer) ?? ajv.compile({ $ref: `api#${pointer}` });
    validators.set(pointer, known);
    return known;
  };
  return ({ operation, method }: Case, answer: { status: number; type: string; body: unknown }) => {
    if (answer.status >= 500) return `${answer.status} ${JSON.stringify(answer.body)}`;
    const described = api.paths[operation]?.[method.toLowerCase()]?.responses ?? {};
    const own = described[answer.status];
    if (own === undefined) {
      // An id that no path can hold asks for another one.
      return answer.status === 404 ? null : `${answer.status} is not described`;
    }
    const shared = own.$ref?.split("/").at(-1);
    const { content = {} } = shared === undefined ? own : (api.components.responses[shared] ?? {});
    if (answer.status === 204) return answer.body === "" ? null : "204 has a body";
    if (content[answer.type] === undefined) return `${answer.type} is not described`;
    if (!answer.type.endsWith("json")) return null;
    const place =
      shared === undefined
        ? `paths/${escape(operation)}/${method.toLowerCase()}/responses/${answer.status}`
        : `components/responses/${shared}`;
    const pointer = `/${place}/content/${answer.type.replaceAll("/", "~1")}/schema`;
    const validate = validator(pointer);
    return validate(answer.body) ? null : `${answer.status}: ${ajv.errorsText(validate.errors)}`;
  };
}

function escape(path: string): string {
  return encodeURIComponent(path.replaceAll("~", "~0").replaceAll("/", "~1"));
}
