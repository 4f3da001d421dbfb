import { runMigrate } from "@portcullis/store/migrate";
import { migrations } from "./store/migrations.ts";

await runMigrate("tokens", migrations);
