import {
  builtInGroups,
  type FactKey,
  type FactKind,
  type FactValues,
  objectTypeNames,
  permissions,
} from "@portcullis/policy";
import fc from "fast-check";

/** Texts that try to be mistaken for others: separators, lengths, kinds. */
export const decoy = fc
  .array(
    fc.oneof(
      fc.constantFrom("|", ":", "0", "1", "36", "$", "\0", "{", "}", "*", "member", "access", "a", "ä"),
      fc.string({ unit: "binary", maxLength: 3 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(""));

/** Keys of every kind, with ids of this form. */
export function factKeys(id: fc.Arbitrary<string>, digest = id): fc.Arbitrary<FactKey> {
  const org = id;
  const object = fc.record({ type: fc.constantFrom(...objectTypeNames), id });
  return fc.oneof(
    fc.record({ kind: fc.constantFrom("member", "memberships"), org, principal: id }),
    fc.record({ kind: fc.constantFrom("groups", "roles"), org }),
    fc.record({ kind: fc.constantFrom("access", "parents", "acls"), org, object }),
    fc.record({ kind: fc.constant("acls_naming"), org, object, subject: subjects(id) }),
    fc.record({ kind: fc.constant("credential"), org, digest }),
  ) as fc.Arbitrary<FactKey>;
}

function subjects(id: fc.Arbitrary<string>) {
  return fc.record({ kind: fc.constantFrom("principal", "group"), id });
}

const uuid = fc.uuid();
const uuids = fc.array(uuid, { maxLength: 3 });
const object = fc.record({ type: fc.constantFrom(...objectTypeNames), id: uuid });
const restrictObjectType = fc.option(fc.constantFrom(...objectTypeNames));
const permission = fc.constantFrom(...permissions);
const expiresAtMs = fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 }));

const acls = fc.array(
  fc.record({
    id: uuid,
    subject: subjects(uuid),
    grant: fc.oneof(
      fc.record({ kind: fc.constant("permission"), permission, restrictObjectType }),
      fc.record({ kind: fc.constant("role"), id: uuid }),
    ),
    expiresAtMs,
  }),
  { maxLength: 3 },
);

const parents = fc
  .record({
    parent: fc.option(object),
    alsoUnder: fc.array(object, { maxLength: 2 }),
    isPublic: fc.boolean(),
  })
  .map(({ isPublic, ...place }) => ({ ...place, ...(isPublic && { publicRead: true as const }) }));

const values: { readonly [Kind in FactKind]: fc.Arbitrary<unknown> } = {
  member: fc.option(fc.record({ kind: fc.constantFrom("user", "service_account") })),
  memberships: uuids,
  groups: fc
    .array(
      fc.tuple(
        uuid,
        fc.record({
          memberGroups: uuids,
          builtIn: fc.option(fc.constantFrom(...Object.keys(builtInGroups))),
        }),
      ),
      { maxLength: 3 },
    )
    .map((groups) => new Map(groups)),
  roles: fc
    .array(
      fc.tuple(
        uuid,
        fc.record({
          permissions: fc.array(fc.record({ permission, restrictObjectType }), { maxLength: 3 }),
          memberRoles: uuids,
        }),
      ),
      { maxLength: 3 },
    )
    .map((roles) => new Map(roles)),
  acls: fc.option(acls),
  acls_naming: acls,
  access: fc.option(fc.tuple(parents, fc.option(acls)).map(([place, acls]) => ({ ...place, acls }))),
  parents: fc.option(parents),
  credential: fc.option(
    fc.record({
      id: uuid,
      kind: fc.constantFrom("api_key", "service_token", "session"),
      principal: uuid,
      expiresAtMs,
      scope: fc.option(
        fc.record({
          permissions: fc.option(fc.subarray([...permissions])),
          objectTypes: fc.option(fc.subarray([...objectTypeNames])),
          objects: fc.option(fc.array(object, { maxLength: 3 })),
        }),
      ),
    }),
  ),
};

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);

/** Facts as owners have them. */
export const facts = factKeys(uuid, digest).chain((key) =>
  fc.record({
    key: fc.constant(key),
    value: values[key.kind] as fc.Arbitrary<FactValues[FactKind]>,
    lo: fc.nat(1000),
    hi: fc.integer({ min: 1000, max: Number.MAX_SAFE_INTEGER }),
  }),
);
