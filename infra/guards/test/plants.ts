// What may not be imported from where, one line each. The name says which rule it breaks.

export interface Plant {
  readonly rule: string;
  readonly path: string;
  readonly code: string;
}

const groups = "services/groups";

/** Across packages: `turbo boundaries` must name these files. */
export const acrossPackages: readonly Plant[] = [
  {
    rule: "a service imports another one's file",
    path: `${groups}/src/plant-value.ts`,
    code: 'import { start } from "../../tokens/src/start.ts";\nstart;\n',
  },
  {
    rule: "a service imports another one's types",
    path: `${groups}/src/plant-type.ts`,
    code: 'import type { Config } from "../../tokens/src/config.ts";\nexport type C = Config;\n',
  },
  {
    rule: "a service exports another one's file",
    path: `${groups}/src/plant-export.ts`,
    code: 'export { start } from "../../tokens/src/start.ts";\n',
  },
  {
    rule: "a service imports another one's file when it runs",
    path: `${groups}/src/plant-dynamic.ts`,
    code: 'export const start = await import("../../tokens/src/start.ts");\n',
  },
  {
    rule: "a service's test imports another service's file",
    path: `${groups}/test/plant.test.ts`,
    code: 'import { start } from "../../tokens/src/start.ts";\nstart;\n',
  },
  {
    rule: "a file of a package is imported around its exports",
    path: `${groups}/src/plant-around.ts`,
    code: 'import "../../../packages/chassis/src/fault.ts";\n',
  },
  {
    rule: "a package is imported that is not declared",
    path: "packages/credential/src/plant-undeclared.ts",
    code: 'import "@portcullis/store";\n',
  },
];

/** Dependencies that no manifest may declare: `turbo boundaries` must refuse them by the tags of the packages. */
export const declared = [
  { folder: "packages/policy", dependency: "@portcullis/chassis" },
  { folder: "packages/policy", dependency: "@portcullis/proto" },
  { folder: "proto", dependency: "@portcullis/policy" },
  { folder: "packages/chassis", dependency: "@portcullis/testbed" },
  { folder: "packages/store", dependency: "@portcullis/groups-service" },
  { folder: "services/groups", dependency: "@portcullis/tokens-service" },
  { folder: "services/groups", dependency: "@portcullis/testbed" },
] as const;

/** Inside a package: oxlint must name these, by the rule that they break. */
export const insidePackages: readonly (Plant & { readonly lint: string })[] = [
  ...forbidden("policy", "packages/policy/src", [
    'import "node:fs";',
    'import "zod";',
    'import "@portcullis/proto/facts/v1/facts";',
    'export * from "../test/worlds.ts";',
  ]),
  ...forbidden("the chassis", "packages/chassis/src", [
    'import "@portcullis/policy";',
    'import "@portcullis/store";',
    'import "@portcullis/facts";',
  ]),
  ...forbidden("domain code", "services/groups/src/domain", [
    'import "@portcullis/proto/groups/v1/groups";',
    'import type { Group } from "@portcullis/proto/groups/v1/groups";\nexport type G = Group;',
    'import "@portcullis/store";',
    'import "@portcullis/chassis/log";',
    'import "@mikro-orm/core";',
    'import "../store/entities.ts";',
    'import "../wire.ts";',
    'import "../rpc/index.ts";',
    'import "node:fs";',
    'import { randomUUID } from "node:crypto";\nexport const id = randomUUID();',
    'import "ioredis";',
    'export * from "../start.ts";',
    'export const wire = await import("../wire.ts");',
  ]),
  ...forbidden("a store", "services/groups/src/store", [
    'import { Group } from "@portcullis/proto/groups/v1/groups";\nexport const group = Group;',
    'import "../wire.ts";',
    'import "../rpc/index.ts";',
    'import "@grpc/grpc-js";',
    'import "ioredis";',
    'import "bullmq";',
  ]),
  ...forbidden("an RPC", "services/groups/src/rpc", [
    'import { GroupRow } from "../store/entities.ts";\nexport const row = GroupRow;',
    'import "@mikro-orm/core";',
    'import "pg";',
    'import "bullmq";',
  ]),
  ...["./store/entities.ts", "./rpc/index.ts", "@mikro-orm/core", "pg"].map((source, index) => ({
    rule: `wire.ts: import "${source}"`,
    path: `services/plant-${index}/src/wire.ts`,
    code: `import "${source}";\n`,
    lint: "eslint(no-restricted-imports)",
  })),
  {
    rule: "the environment is read outside of the configuration",
    path: "services/groups/src/plant-environment.ts",
    code: 'export const url = process.env["DATABASE_URL"];\n',
    lint: "node(no-process-env)",
  },
  {
    rule: "a file is required",
    path: "services/groups/src/plant-require.ts",
    code: 'export const start = require("../../tokens/src/start.ts");\n',
    lint: "import(no-commonjs)",
  },
  {
    rule: "something is exported without a name",
    path: "services/groups/src/plant-default.ts",
    code: "export default 1;\n",
    lint: "import(no-default-export)",
  },
  {
    rule: "any",
    path: "services/groups/src/plant-any.ts",
    code: "export const value: any = 1;\n",
    lint: "typescript(no-explicit-any)",
  },
  {
    rule: "an import without its extension",
    path: "services/groups/src/plant-extension.ts",
    code: 'import "./start";\n',
    lint: "import(extensions)",
  },
];

function forbidden(who: string, folder: string, imports: readonly string[]) {
  return imports.map((code, index) => ({
    rule: `${who}: ${code.split("\n", 1)[0]}`,
    path: `${folder}/plant-${index}.ts`,
    code: `${code}\n`,
    lint: "eslint(no-restricted-imports)",
  }));
}
