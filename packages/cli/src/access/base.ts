// Access in one line of text: what a file or a plan was made against.

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { Fault, invalid } from "@portcullis/chassis/fault";
import { readShape } from "@portcullis/chassis/read-shape";
import { objectTypeNames, permissions } from "@portcullis/policy";
import { z } from "zod";
import { type Access, type Atom, accessOf } from "./atom.ts";

export interface Base {
  readonly organization: string;
  readonly access: Access;
}

const bytesMax = 64 * 1024 * 1024;
const version = 1;

const permission = z.enum(permissions);
const objectType = z.enum(objectTypeNames);
const text = z.string();

const atom: z.ZodType<Atom> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("group"), group: text, description: text }),
  z.strictObject({ kind: z.literal("member"), group: text, principal: text }),
  z.strictObject({ kind: z.literal("nested"), group: text, memberGroup: text }),
  z.strictObject({ kind: z.literal("role"), role: text, description: text }),
  z.strictObject({ kind: z.literal("permission"), role: text, permission, only: objectType.nullable() }),
  z.strictObject({ kind: z.literal("subrole"), role: text, memberRole: text }),
  z.strictObject({
    kind: z.literal("acl"),
    on: z.strictObject({ type: objectType, key: text }),
    holder: z.strictObject({ kind: z.enum(["user", "group"]), key: text }),
    grant: z.union([
      z.strictObject({ permission, only: objectType.nullable() }),
      z.strictObject({ role: text }),
    ]),
    expiresAt: text.nullable(),
  }),
]);

const written = z.strictObject({
  version: z.literal(version),
  organization: text,
  atoms: z.array(atom),
});

export function baseText({ organization, access }: Base): string {
  const atoms = [...access].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
  return deflateRawSync(JSON.stringify({ version, organization, atoms }), { level: 9 }).toString("base64url");
}

/** Reads it back, or throws an error that names the field. */
export function readBase(given: string, field: string): Base {
  try {
    const json = inflateRawSync(Buffer.from(given, "base64url"), { maxOutputLength: bytesMax }).toString();
    const { organization, atoms } = readShape(written, JSON.parse(json), field);
    return { organization, access: accessOf(atoms) };
  } catch (error) {
    const cause = error instanceof Fault ? error.message : undefined;
    throw Object.assign(invalid(field, "is damaged: export anew, or make the plan anew"), { cause });
  }
}
