import tab from "@bomb.sh/tab/commander";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";

/** Our own: the library's runs what is typed on the line through `eval`, and needs the package bash-completion. */
const bashScript = `# completion of portcullis in bash
_portcullis() {
  local line word=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    if [[ $line != :* && $line == "$word"* ]]; then COMPREPLY+=("$line"); fi
  done < <(portcullis complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _portcullis portcullis`;

/** `completion SHELL` prints a script to load, which calls `complete -- WORDS` at each TAB. Of all other commands. */
export function addCompletion(program: CommandUnknownOpts, cli: Cli): void {
  const name = program.name();
  // The same class, but for what its types know of options.
  const untyped = program as unknown as Command;
  const completion = tab(untyped, { completionCommandName: "completion" });
  const scripts = untyped.commands.find((command) => command.name() === "completion");
  scripts?.description("Print a script for the shell, which offers commands and options at TAB");
  scripts?.action((shell: string) => {
    if (shell === "bash") cli.surroundings.stdout.write(`${bashScript}\n`);
    else completion.setup(name, name, shell);
  });
}
