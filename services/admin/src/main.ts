import { run } from "@portcullis/chassis/run";
import { config } from "./config.ts";
import { start } from "./start.ts";

await run("admin", config, start);
