// Packs the library as applications install it: compiled, with what it takes of our other packages in it.
// `node pack.ts [FOLDER]` writes the tarball there and prints its path.

import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { build } from "rolldown";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

const here = import.meta.dirname;
using temporary = mkdtempDisposableSync(join(tmpdir(), "portcullis-client-"));
const dist = join(temporary.path, "package");
const folder = resolve(process.argv[2] ?? ".");
const { name, version, exports } = readManifest(here);
const sources = Object.values(exports);

const imported = await compile();
declare();
describe(imported);
process.stdout.write(`${pack()}\n`);

function readManifest(packageFolder: string): Manifest {
  return JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as Manifest;
}

/**
 * Answers which packages of others it imports. What is not used of our packages is left out, and what reads our own
 * processes' configuration with it.
 */
async function compile(): Promise<string[]> {
  const { output } = await build({
    input: Object.fromEntries(sources.map((source) => [basename(source, ".ts"), join(here, source)])),
    platform: "node",
    external: /^(?!@portcullis\/)[@a-z]/,
    treeshake: { moduleSideEffects: false, manualPureFunctions: ["z"] },
    output: { dir: dist, chunkFileNames: "[name].js" },
    logLevel: "warn",
  });
  const code = output.flatMap((file) => (file.type === "chunk" ? file.code : [])).join("\n");
  const names = code.matchAll(/^import .* from "((?:@[^/"]+\/)?[^./:"@][^/:"]*)(?:\/[^"]*)?";$/gm);
  return [...new Set(Array.from(names, ([, found = ""]) => found))].toSorted();
}

/** The types of what is exported; what lies behind knows of the wire, which is nobody's business outside. */
function declare(): void {
  const declarations = join(temporary.path, "declarations");
  const project = join(here, "tsconfig.pack.json");
  run(join(here, "node_modules/.bin/tsc"), ["-p", project, "--outDir", declarations]);
  const reached = new Set(sources.map((source) => basename(source, ".ts")));
  for (const file of reached) {
    const declaration = join(declarations, "packages/client/src", `${file}.d.ts`);
    const text = readFileSync(declaration, "utf8");
    if (text.includes('"@portcullis/')) throw new Error(`${file}.ts exports types of another package`);
    for (const [, other = ""] of text.matchAll(/ from "\.\/([^"]+)\.ts"/g)) reached.add(other);
    copyFileSync(declaration, join(dist, `${file}.d.ts`));
  }
}

function describe(dependencies: readonly string[]): void {
  const entries = Object.entries(exports).map(([path, source]) => {
    const file = basename(source, ".ts");
    return [path, { types: `./${file}.d.ts`, default: `./${file}.js` }] as const;
  });
  const manifest = {
    name,
    version,
    license: "UNLICENSED",
    type: "module",
    engines: { node: ">=20.15" },
    exports: Object.fromEntries(entries),
    dependencies: Object.fromEntries(dependencies.map((one) => [one, `^${versionOf(one)}`])),
    peerDependencies: { "@types/express": ">=5", "@types/node": ">=20", fastify: ">=5" },
    peerDependenciesMeta: {
      "@types/express": { optional: true },
      "@types/node": { optional: true },
      fastify: { optional: true },
    },
  };
  writeFileSync(join(dist, "package.json"), JSON.stringify(manifest, null, 2));
  copyFileSync(join(here, "README.md"), join(dist, "README.md"));
}

/** As that of our packages which imports it has. */
function versionOf(dependency: string): string {
  const installed = [".", ...readdirSync(join(here, "node_modules/@portcullis"))]
    .map((one) =>
      join(here, one === "." ? one : `node_modules/@portcullis/${one}`, "node_modules", dependency),
    )
    .find((path) => existsSync(path));
  if (installed === undefined) throw new Error(`${dependency} is none of our packages' dependencies`);
  return readManifest(installed).version;
}

function pack(): string {
  mkdirSync(folder, { recursive: true });
  const [packed] = JSON.parse(run("npm", ["pack", dist, "--pack-destination", folder, "--json"])) as [
    { filename: string },
  ];
  return join(folder, packed.filename);
}

function run(program: string, options: readonly string[]): string {
  return execFileSync(program, options, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
