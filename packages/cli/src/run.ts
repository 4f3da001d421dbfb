import { CommanderError } from "@commander-js/extra-typings";
import { Fault } from "@portcullis/chassis/fault";
import { clean } from "./clean.ts";
import { type Cli, openCli } from "./cli.ts";
import { exitCodeOfFault, exitCodes } from "./exit-code.ts";
import { buildProgram } from "./program.ts";
import type { Surroundings } from "./surroundings.ts";

/** Does what the arguments say; answers the exit code. A failure is one line on standard error. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = buildProgram((flags) => openCli(surroundings, flags));
  try {
    await program.command.parseAsync([...args], { from: "user" });
    return program.cli.exitCode();
  } catch (thrown) {
    return tell(thrown, program.cli);
  }
}

function tell(thrown: unknown, cli: Cli): number {
  const { stderr } = cli.surroundings;
  const { json, debug } = cli.flags();
  const { code, kind, field, message } = failureOf(thrown);
  if (kind === null) return code;
  const line = clean(message);
  stderr.write(
    json ? `${JSON.stringify({ error: { kind, field, message: line } })}\n` : `portcullis: ${line}\n`,
  );
  if (debug === true && thrown instanceof Error) {
    stderr.write(`${thrown.stack ?? ""}\n`);
    if (thrown.cause instanceof Error) stderr.write(`because ${thrown.cause.stack ?? ""}\n`);
  }
  return code;
}

interface Failure {
  readonly code: number;
  /** Null: there is nothing to tell. */
  readonly kind: string | null;
  readonly field: string | null;
  readonly message: string;
}

function failureOf(thrown: unknown): Failure {
  if (thrown instanceof Fault) {
    const { kind, field, message } = thrown;
    return { code: exitCodeOfFault[kind], kind, field, message };
  }
  if (thrown instanceof CommanderError) {
    const isAsked = thrown.exitCode === 0;
    // Help that nobody asked for has been shown already.
    const isShown = isAsked || thrown.code === "commander.help";
    return {
      code: isAsked ? exitCodes.ok : exitCodes.invalid,
      kind: isShown ? null : "invalid",
      field: null,
      message: `${thrown.message.replace(/^error: /, "").replaceAll("\n", " ")}; --help says how`,
    };
  }
  const isInterrupted = thrown instanceof Error && thrown.name === "ExitPromptError";
  if (isInterrupted) {
    return { code: exitCodes.no, kind: "cancelled", field: null, message: "nothing was done" };
  }
  return { code: exitCodes.bug, kind: "internal", field: null, message: "internal; --debug tells more" };
}
