#!/usr/bin/env node
// `portcullis`: administers an organisation from a terminal or a script, through the REST facade alone.

import process from "node:process";
import { exitCodes } from "./exit-code.ts";
import { run } from "./run.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
    // Whoever reads us may stop reading, as `head` does: what was asked for is done all the same, and ends as it would.
    if (code === "EPIPE") return;
    process.stderr.write(`portcullis: what there is to tell can't be written: ${code}\n`);
    process.exit(exitCodes.invalid);
  });
}

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
