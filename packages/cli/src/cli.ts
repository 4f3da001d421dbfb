// What every command is given: whom to ask, and how to tell people and scripts.

import { readFile } from "node:fs/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import confirmPrompt from "@inquirer/confirm";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { type Account, readAccount } from "./account.ts";
import { clean, jsonText } from "./clean.ts";
import { exitCodes } from "./exit-code.ts";
import { type Paint, paintFor } from "./paint.ts";
import { type Progress, progressOn, type StartProgress } from "./progress.ts";
import { type Rest, restClient } from "./rest.ts";
import type { Surroundings } from "./surroundings.ts";
import { tableText } from "./table.ts";

/** Options that every command has. */
export interface Flags {
  readonly json?: true | undefined;
  readonly quiet?: true | undefined;
  readonly yes?: true | undefined;
  readonly debug?: true | undefined;
}

export interface Cli {
  readonly surroundings: Surroundings;
  readonly flags: () => Flags;
  readonly paint: Paint;
  readonly progress: StartProgress;
  /** Does long work, and shows how far it has come; nothing of that is left when it is done. */
  working<T>(title: string, work: (progress: Progress) => Promise<T>): Promise<T>;
  account(): Promise<Account>;
  rest(): Promise<Rest>;
  /** The facade as somebody else, or nobody, sees it. */
  restAs(account: { readonly adminUrl: string; readonly key: string | null }): Promise<Rest>;
  /** Answers: with the value under --json, else with the text. */
  show(value: unknown, text: () => string): void;
  /** The same with a table. */
  showTable(
    value: unknown,
    heads: readonly string[],
    rows: () => readonly (readonly (string | null)[])[],
  ): void;
  /** Tells people something that must not be missed, on standard error; not under --json. */
  warn(text: string): void;
  /** The same of what may be missed: not under --quiet either. */
  note(text: string): void;
  /** Asks before something is done; goes on with a yes alone. */
  confirm(question: string): Promise<void>;
  /** Ends the program with this code once the command is done. */
  end(code: number): void;
  readonly exitCode: () => number;
}

export function openCli(surroundings: Surroundings, flags: () => Flags): Cli {
  const { environment, stdin, stdout, stderr } = surroundings;
  const paint = paintFor(stdout);
  let exitCode: number = exitCodes.ok;

  const restAs: Cli["restAs"] = async ({ adminUrl, key }) => {
    await trust(environment["PORTCULLIS_TLS_CA_FILE"]);
    const watch = flags().debug ? (line: string) => stderr.write(`${clean(line)}\n`) : () => {};
    return restClient({ adminUrl, key, watch });
  };
  const account = () => readAccount(environment);
  const show: Cli["show"] = (value, text) => {
    stdout.write(`${flags().json === true ? jsonText(value) : text()}\n`);
  };

  const progress: StartProgress = (title) => progressOn(stderr, flags().quiet !== true)(title);
  const warn: Cli["warn"] = (text) => {
    if (flags().json !== true) stderr.write(`${text}\n`);
  };

  return {
    surroundings,
    flags,
    paint,
    progress,
    async working(title, work) {
      using shown = progress(title);
      return await work(shown);
    },
    account,
    restAs,
    rest: async () => restAs(await account()),
    show,
    showTable(value, heads, rows) {
      show(value, () => tableText(heads, rows(), paint));
    },
    warn,
    note(text) {
      if (flags().quiet !== true) warn(text);
    },
    async confirm(question) {
      if (flags().yes) return;
      if (stdin.isTTY !== true || !stderr.isTTY) {
        throw invalid("--yes", `is required where nobody can be asked: ${question}`);
      }
      const message = clean(question);
      const isMeant = await confirmPrompt({ message, default: false }, { input: stdin, output: stderr });
      if (!isMeant) throw new Fault("cancelled", "nothing was done");
    },
    end(code) {
      exitCode = code;
    },
    exitCode: () => exitCode,
  };
}

/** Trusts the authorities of this file, beside those that everybody trusts. */
async function trust(file: string | undefined): Promise<void> {
  if (file === undefined || file === "") return;
  const pem = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw invalid("PORTCULLIS_TLS_CA_FILE", `can't be read: ${error.code}`);
  });
  setDefaultCACertificates([...getCACertificates("default"), pem]);
}
