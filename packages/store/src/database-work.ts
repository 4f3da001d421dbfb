import type { Work } from "@portcullis/chassis/trace";
import type { Owner } from "@portcullis/policy";

/** A visit to an owner's database, as it is traced: neither statements nor what they are about. */
export function databaseWork(owner: Owner, name: "read" | "write" | "snapshot"): Omit<Work, "parent"> {
  return {
    kind: "client",
    name: `postgresql ${name}`,
    attributes: { "db.system.name": "postgresql", "db.namespace": owner },
  };
}
