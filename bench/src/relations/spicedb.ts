import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { chunksOf } from "@portcullis/facts";
import { foreignService } from "../foreign-service.ts";
import type { Question, World } from "../world.ts";
import type { RelationStore } from "./compared-with.ts";
import { relationsOf, type Thing } from "./relations.ts";

/** It takes no more at once. */
const updatesMax = 1000;
/** Answers for the least latency see what was written, the schema too, only a few seconds later. */
const seenWithinMs = 30_000;

const files = new URL("../../references/spicedb/", import.meta.url);

/** The whole of a running SpiceDB: its schema is replaced, and the relations stay. Its key is in BENCH_SPICEDB_KEY. */
export async function openSpiceDb(address: string, world: World): Promise<RelationStore> {
  await using parts = new AsyncDisposableStack();
  const headers = { authorization: `Bearer ${process.env["BENCH_SPICEDB_KEY"] ?? ""}` };
  const contract = new URL("api.proto", files);
  const connect = (name: string) =>
    parts.use(foreignService({ contract, service: `authzed.api.v1.${name}`, address, headers }));
  const schema = await readFile(new URL("schema.zed", files), "utf8");
  await connect("SchemaService").ask("WriteSchema", { schema });
  const service = connect("PermissionsService");
  let writtenAt: unknown;
  for (const relations of chunksOf(relationsOf(world), updatesMax)) {
    const updates = relations.map(({ object, relation, subject }) => ({
      operation: "OPERATION_TOUCH",
      relationship: {
        resource: named(object),
        relation,
        subject: { object: named(subject), optional_relation: subject.relation ?? "" },
      },
    }));
    const { answer } = await service.ask("WriteRelationships", { updates });
    writtenAt = "written_at" in answer ? answer.written_at : undefined;
  }
  const check = ({ user, experiment }: Question, consistency: object) =>
    service.ask("CheckPermission", {
      consistency,
      resource: named({ type: "experiment", id: experiment }),
      permission: "read",
      subject: { object: named({ type: "user", id: user }) },
    });
  const allows = async (question: Question, consistency: object): Promise<boolean> => {
    const { answer } = await check(question, consistency);
    return "permissionship" in answer && answer.permissionship === "PERMISSIONSHIP_HAS_PERMISSION";
  };
  const whole = parts.move();
  return {
    name: "SpiceDB",
    address,
    headers,
    async ask(allowed) {
      const deadline = Date.now() + seenWithinMs;
      while (Date.now() < deadline && !(await allows(allowed, leastLatency).catch(() => false)))
        await delay(250);
      return await check(allowed, leastLatency);
    },
    allows: (question) => allows(question, { at_least_as_fresh: writtenAt }),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

const leastLatency = { minimize_latency: true };

function named({ type, id }: Thing) {
  return { object_type: type, object_id: id };
}
