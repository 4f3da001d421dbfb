import { chunksOf } from "@portcullis/facts";
import { foreignService } from "../foreign-service.ts";
import type { Question, World } from "../world.ts";
import type { RelationStore } from "./compared-with.ts";
import { relationsOf, type Thing } from "./relations.ts";

/** It takes no more at once. */
const tuplesMax = 100;

/** A store of its own in a running OpenFGA, which is deleted when it is disposed. */
export async function openOpenFga(address: string, world: World): Promise<RelationStore> {
  await using parts = new AsyncDisposableStack();
  const headers = {};
  const service = parts.use(
    foreignService({
      contract: new URL("../../references/openfga/api.proto", import.meta.url),
      service: "openfga.v1.OpenFGAService",
      address,
      headers,
    }),
  );
  const created = await service.ask("CreateStore", { name: "portcullis-bench" });
  const { id: store_id } = created.answer as { readonly id: string };
  parts.defer(async () => {
    await service.ask("DeleteStore", { store_id });
  });
  const written = await service.ask("WriteAuthorizationModel", { store_id, ...model });
  const { authorization_model_id } = written.answer as { readonly authorization_model_id: string };
  const store = { store_id, authorization_model_id };
  for (const relations of chunksOf(relationsOf(world), tuplesMax)) {
    const tuple_keys = relations.map(({ object, relation, subject }) => ({
      user: subject.relation === undefined ? named(subject) : `${named(subject)}#${subject.relation}`,
      relation,
      object: named(object),
    }));
    await service.ask("Write", { ...store, writes: { tuple_keys } });
  }
  const ask = ({ user, experiment }: Question) =>
    service.ask("Check", {
      ...store,
      tuple_key: {
        user: named({ type: "user", id: user }),
        relation: "reader",
        object: named({ type: "experiment", id: experiment }),
      },
    });
  const whole = parts.move();
  return {
    name: "OpenFGA",
    address,
    headers,
    ask,
    async allows(question) {
      const { answer } = await ask(question);
      return "allowed" in answer && answer.allowed === true;
    },
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

function named({ type, id }: Thing): string {
  return `${type}:${id}`;
}

const members = [{ type: "user" }, { type: "group", relation: "member" }];
const given = { this: {} };

/** Readers of an object are those whom it names, and those of the one above it. */
const model = {
  schema_version: "1.1",
  type_definitions: [
    { type: "user" },
    typeOf("group", { member: { rule: given, named: members } }),
    typeOf("organization", { reader: { rule: given, named: members } }),
    below("project", "organization"),
    below("experiment", "project"),
  ],
};

function below(type: string, parent: string) {
  const inherited = {
    tuple_to_userset: { tupleset: { relation: "parent" }, computed_userset: { relation: "reader" } },
  };
  return typeOf(type, {
    parent: { rule: given, named: [{ type: parent }] },
    reader: { rule: { union: { child: [given, inherited] } }, named: members },
  });
}

function typeOf(
  type: string,
  relations: Readonly<Record<string, { readonly rule: object; readonly named: readonly object[] }>>,
) {
  const each = Object.entries(relations);
  return {
    type,
    relations: Object.fromEntries(each.map(([name, { rule }]) => [name, rule])),
    metadata: {
      relations: Object.fromEntries(
        each.map(([name, { named: directly }]) => [name, { directly_related_user_types: directly }]),
      ),
    },
  };
}
