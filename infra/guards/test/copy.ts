import { execFile, execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const checkout = join(import.meta.dirname, "../../..");
const folders = ["packages", "services", "infra", "bench", "proto"];
const files = ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", "turbo.json", ".oxlintrc.json"];
const left = new Set(["node_modules", ".turbo", "gen"]);

/** A copy of the checkout to plant in: everything that the guards read, and no dependencies. */
export class Copy implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), "portcullis-guards-"));

  constructor() {
    for (const name of [...folders, ...files]) {
      cpSync(join(checkout, name), join(this.#root, name), {
        recursive: true,
        filter: (path) => !left.has(path.slice(path.lastIndexOf("/") + 1)),
      });
    }
    // oxlint and turbo look for the root of a repository.
    execFileSync("git", ["init", "--quiet", this.#root]);
  }

  /** Writes files that stay until disposed. */
  plant(plants: readonly { readonly path: string; readonly code: string }[]): Disposable {
    const paths = plants.map(({ path }) => join(this.#root, path));
    for (const [index, { code }] of plants.entries()) {
      const path = paths[index] ?? "";
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, code);
    }
    return {
      [Symbol.dispose]() {
        for (const path of paths) rmSync(path);
      },
    };
  }

  /** The folders of all packages. */
  packages(): string[] {
    const all = ["proto", "bench", ...["packages", "services", "infra"].flatMap((name) => this.#below(name))];
    return all.filter((folder) => existsSync(join(this.#root, folder, "package.json")));
  }

  #below(folder: string): string[] {
    return readdirSync(join(this.#root, folder)).map((name) => `${folder}/${name}`);
  }

  readJson<Content>(path: string): Partial<Content> {
    const file = join(this.#root, path);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Content) : {};
  }

  /** Declares a dependency in a package's manifest until disposed, and tells the package's name. */
  declare(folder: string, dependency: string): Disposable & { readonly name: string } {
    const path = join(this.#root, folder, "package.json");
    const before = readFileSync(path, "utf8");
    const manifest = JSON.parse(before) as { name: string; dependencies?: object };
    manifest.dependencies = { ...manifest.dependencies, [dependency]: "workspace:*" };
    writeFileSync(path, JSON.stringify(manifest, null, 2));
    return { name: manifest.name, [Symbol.dispose]: () => writeFileSync(path, before) };
  }

  /** What a tool of the checkout says about the copy, whether it is content or not. */
  async run(tool: string, args: readonly string[]): Promise<string> {
    const bins = [join(checkout, "node_modules/.bin"), join(checkout, ".tools/node_modules/.bin")];
    const env = {
      ...process.env,
      PATH: [...bins, process.env["PATH"] ?? ""].join(delimiter),
      NO_COLOR: "1",
      TURBO_TELEMETRY_DISABLED: "1",
    };
    const options = { cwd: this.#root, env, maxBuffer: 64 * 1024 * 1024 };
    try {
      const { stdout, stderr } = await promisify(execFile)(tool, args, options);
      return stdout + stderr;
    } catch (error) {
      if (error instanceof Error && "stdout" in error && "stderr" in error) {
        return `${String(error.stdout)}${String(error.stderr)}`;
      }
      throw error;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true });
  }
}
