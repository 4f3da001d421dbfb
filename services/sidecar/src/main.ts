import { run } from "@portcullis/chassis/run";
import { config } from "./config.ts";
import { start } from "./start.ts";

// Whoever may ask is in the group of the socket; nobody else may even connect.
process.umask(0o117);

await run("sidecar", config, start);
