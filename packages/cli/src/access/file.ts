// The file: access as people write it, review it and keep it.

import { invalid } from "@portcullis/chassis/fault";
import { readYaml } from "@portcullis/chassis/read-yaml";
import { objectTypeNames, permissions } from "@portcullis/policy";
import { Document, isSeq, visit } from "yaml";
import { z } from "zod";

const charactersMax = 32 * 1024 * 1024;

const text = z.string().min(1, "must not be empty");
const description = z.string();
const permission = z.enum(permissions);
const objectType = z.enum(objectTypeNames);

const memberText = "must be an e-mail address, {service_account: NAME} or {id: ID}";

/** An e-mail address, or which service account or id. */
const memberName = z.union(
  [
    z.string().regex(/^[^\s@]+@[^\s@]+$/, memberText),
    z.strictObject({ service_account: text }),
    z.strictObject({ id: z.uuid() }),
  ],
  memberText,
);
export type MemberName = z.infer<typeof memberName>;

const groupEntry = z.strictObject({
  description: description.optional(),
  members: z.array(memberName).optional(),
  groups: z.array(text).optional(),
});

const rolePermission = z.union(
  [
    permission.transform((word) => ({ permission: word, only: null })),
    z.strictObject({ permission, only: objectType.nullable().default(null) }),
  ],
  `must be a permission (${permissions.join(", ")}), or {permission: PERMISSION, only: TYPE}`,
);

const roleEntry = z.strictObject({
  description: description.optional(),
  permissions: z.array(rolePermission).optional(),
  roles: z.array(text).optional(),
});

const place = z
  .strictObject({ type: objectType, path: z.array(text).min(1).max(2).optional(), id: z.uuid().optional() })
  .refine(
    ({ path, id }) => path === undefined || id === undefined,
    "must have a path or an id, and not both",
  );

const exactlyOne = (fields: readonly (readonly [string, unknown])[]) =>
  fields.filter(([, value]) => value !== undefined).length === 1;

const aclEntry = z
  .strictObject({
    object: place,
    user: z.string().optional(),
    service_account: text.optional(),
    user_id: z.uuid().optional(),
    group: text.optional(),
    permission: permission.optional(),
    role: text.optional(),
    only: objectType.optional(),
    expires_at: z.iso
      .datetime({ offset: true, error: "must be a time such as 2030-01-31T12:00:00Z" })
      .optional(),
  })
  .refine(
    ({ user, service_account, user_id, group }) =>
      exactlyOne(Object.entries({ user, service_account, user_id, group })),
    "must name exactly one of user, service_account, user_id and group",
  )
  .refine(
    ({ permission: word, role }) => exactlyOne(Object.entries({ word, role })),
    "must name exactly one of permission and role",
  )
  .refine(({ only, role }) => only === undefined || role === undefined, {
    path: ["only"],
    message: "can only stand beside a permission",
  });
export type AclEntry = z.infer<typeof aclEntry>;

const accessFile = z.strictObject({
  version: z.literal(1),
  organization: text.optional(),
  groups: z
    .record(
      text,
      groupEntry.nullable().transform((entry) => entry ?? {}),
    )
    .optional(),
  roles: z
    .record(
      text,
      roleEntry.nullable().transform((entry) => entry ?? {}),
    )
    .optional(),
  acls: z.array(aclEntry).optional(),
  made_against: text.optional(),
});
export type AccessFile = z.infer<typeof accessFile>;
/** As it is written: what is left out of an entry is not managed. */
export type WrittenFile = z.input<typeof accessFile>;

export function parseFile(given: string, name: string): AccessFile {
  if (given.length > charactersMax) throw invalid(name, `is longer than ${charactersMax} characters`);
  return readYaml(accessFile, given, name);
}

const head = `# The access of an organization: who is in which group, what roles hold, and who was granted what.
# Lists are whole: who is not in a list of members is taken out. A key that is left out is left alone.
`;

export function fileText(file: WrittenFile): string {
  const document = new Document(file);
  visit(document, {
    // What is short stands on one line, for reviewers.
    Map(_key, node, path) {
      const isEntry = isSeq(path.at(-1)) && !node.has("object");
      if (isEntry || node.has("type")) node.flow = true;
    },
  });
  return `${head}${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}

/** The same text, made against something else: no other character of it changes. Null: it said nothing of that. */
export function madeAgainst(given: string, base: string): string | null {
  const line = /^made_against:.*$/m;
  return line.test(given) ? given.replace(line, `made_against: ${base}`) : null;
}
