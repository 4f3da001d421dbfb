#!/usr/bin/env node
// `portcullis`: administers an organisation from a terminal or a script, through the REST facade alone.

import process from "node:process";
import { run } from "./run.ts";

// Whoever reads us may stop reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});
