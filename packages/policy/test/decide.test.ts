// What is easy to get wrong, one by one, on facts that no write would let in among them.

import { describe, expect, test } from "vitest";
import {
  type Acl,
  type Decision,
  decide,
  type FactKey,
  type FactLookup,
  type ObjectRef,
  type ObjectType,
  organizationFace,
  type Permission,
  type PrincipalId,
  permissionsOn,
  type Question,
  systemRoles,
} from "../src/index.ts";
import { acl, ada, everything, org, organization, orgProject, type Placed, ref, root } from "./acme.ts";
import { lookupOf, type OrganizationFacts, objectText } from "./organization-facts.ts";

const nowMs = 1000;
const search = ref("project", "search");
const tuned = ref("experiment", "tuned");

describe("what is there", () => {
  test("an organisation is there by its access fact; without it nothing in it is", () => {
    const facts = organization({
      on: [
        [root, null, [everything()]],
        [search, orgProject],
      ],
    });
    expect(may(facts, "read", root)).toBe(true);
    expect(may(facts, "read", search)).toBe(true);
    const bare = organization({ without: [root], on: [[search, orgProject, [everything()]]] });
    for (const object of [root, search, orgProject, organizationFace("org_member", org)]) {
      expect(answer(bare, "read", object)).toEqual(denied("no_such_object"));
    }
    expect(answer(bare, "create", { type: "group", parent: root })).toEqual(denied("no_such_place"));
  });

  test("faces are there without a fact, for the organisation's own id alone", () => {
    const facts = organization({ on: [[root, null, [everything()]]] });
    for (const type of ["org_member", "org_project", "org_audit_logs"] as const) {
      expect(may(facts, "read", organizationFace(type, org))).toBe(true);
      expect(answer(facts, "read", ref(type, "other"))).toEqual(denied("no_such_object"));
    }
    expect(answer(facts, "read", ref("organization", "other"))).toEqual(denied("no_such_object"));
  });

  test("an organisation of another id is not this one, though its fact is there", () => {
    const other = ref("organization", "other");
    const facts = organization({ on: [[other, null, [everything()]]] });
    expect(answer(facts, "read", other)).toEqual(denied("no_such_object"));
  });

  test("groups and roles are there by their own facts, with or without an access fact", () => {
    const group = ref("group", "team");
    const role = ref("role", "reviewer");
    const grants: Placed[] = [
      [group, root, [everything()]],
      [role, root, [everything()]],
    ];
    const live = { groups: { team: [] }, roles: { reviewer: {} } };
    for (const object of [group, role]) {
      expect(may(organization({ ...live, on: [[root, null, [everything()]]] }), "update", object)).toBe(true);
      expect(may(organization({ ...live, on: grants }), "update", object)).toBe(true);
      expect(may(organization(live), "update", object)).toBe(false);
      expect(answer(organization({ on: grants }), "update", object)).toEqual(denied("no_such_object"));
    }
  });

  test("a system role belongs to nobody, also when one of its id is stored", () => {
    const { id } = systemRoles.viewer;
    const facts = organization({
      roles: { [id]: { permissions: [{ permission: "delete", restrictObjectType: null }] } },
      on: [[root, null, [everything()]]],
    });
    expect(answer(facts, "update", ref("role", id))).toEqual(denied("no_such_object"));
    const viewer = organization({
      roles: { [id]: { permissions: [{ permission: "delete", restrictObjectType: null }] } },
      on: [[search, orgProject, [acl({ to: ada, role: id })]]],
    });
    expect(all(viewer, search)).toEqual(["read"]);
  });

  test("a live child of a deleted project is gone for everybody", () => {
    const facts = organization({
      on: [
        [root, null, [everything()]],
        [tuned, search, [everything()]],
      ],
    });
    expect(answer(facts, "read", tuned)).toEqual(denied("no_such_object"));
  });

  test("a project's log needs its own fact, and the id of its project", () => {
    const log = ref("project_log", "search");
    const project: Placed = [search, orgProject, [everything()]];
    expect(answer(organization({ on: [project] }), "read", log)).toEqual(denied("no_such_object"));
    expect(may(organization({ on: [project, [log, search]] }), "read", log)).toBe(true);
    const stray = ref("project_log", "stray");
    expect(answer(organization({ on: [project, [stray, search]] }), "read", stray)).toEqual(
      denied("no_such_object"),
    );
  });

  test.each<readonly [string, ObjectRef, ObjectRef | null]>([
    ["a project under the organisation", search, root],
    ["a project under a project", search, ref("project", "other")],
    ["a project under nothing", search, null],
    ["a project in another organisation", search, ref("org_project", "other")],
    ["a project group under org_project", ref("project_group", "public"), orgProject],
    ["a secret in another organisation", ref("ai_secret", "key"), ref("organization", "other")],
    ["an experiment under org_project", tuned, orgProject],
    ["an experiment under itself", tuned, tuned],
    ["a thing under a word that nobody knows", search, ref("galaxy" as ObjectType, "milky")],
  ])("%s counts as absent", (_, object, parent) => {
    const other: Placed = [ref("project", "other"), orgProject];
    const facts = organization({
      on: [[root, null, [everything()]], other, [object, parent, [everything()]]],
    });
    expect(answer(facts, "read", object)).toEqual(denied("no_such_object"));
  });

  test("an organisation under something counts as absent", () => {
    const facts = organization({ without: [root], on: [[root, root, [everything()]]] });
    expect(answer(facts, "read", root)).toEqual(denied("no_such_object"));
  });

  test("what is there by another fact stays when its access fact is misplaced, without those ACLs", () => {
    const members = organizationFace("org_member", org);
    const group = ref("group", "team");
    for (const parent of [orgProject, ref("organization", "other"), null]) {
      const facts = organization({
        groups: { team: [] },
        on: [
          [root, null, [acl({ to: ada, permission: "read" })]],
          [members, parent, [everything()]],
          [group, parent, [everything()]],
        ],
      });
      expect(all(facts, members)).toEqual(["read"]);
      expect(all(facts, group)).toEqual(["read"]);
    }
  });

  test("an object that moves takes its own ACLs along and leaves those of its old place behind", () => {
    const attic = ref("project", "attic");
    const projects: Placed[] = [
      [search, orgProject, [acl({ to: ada, permission: "update" })]],
      [attic, orgProject, [acl({ to: ada, permission: "delete" })]],
    ];
    const own = [acl({ to: ada, permission: "read" })];
    expect(all(organization({ on: [...projects, [tuned, search, own]] }), tuned)).toEqual(["read", "update"]);
    expect(all(organization({ on: [...projects, [tuned, attic, own]] }), tuned)).toEqual(["read", "delete"]);
  });

  test("equal ids of different types are different objects", () => {
    const facts = organization({
      on: [
        [ref("project", "x"), orgProject],
        [ref("experiment", "x"), ref("project", "x"), [everything()]],
        [ref("dataset", "x"), ref("project", "x")],
      ],
    });
    expect(may(facts, "read", ref("experiment", "x"))).toBe(true);
    expect(may(facts, "read", ref("dataset", "x"))).toBe(false);
    expect(may(facts, "read", ref("project", "x"))).toBe(false);
  });
});

describe("project groups", () => {
  const listed = ref("project_group", "public");
  const there: Placed = [listed, root, [everything()]];

  test("reach the projects that list them, and what is in these", () => {
    const facts = organization({ on: [there, [search, orgProject, [], [listed]], [tuned, search]] });
    expect(may(facts, "read", search)).toBe(true);
    expect(may(facts, "read", tuned)).toBe(true);
  });

  test("that are gone add nothing and take nothing away", () => {
    const own = [acl({ to: ada, permission: "read" })];
    expect(all(organization({ on: [[search, orgProject, own, [listed]]] }), search)).toEqual(["read"]);
  });

  test("that are misplaced add nothing", () => {
    const facts = organization({
      on: [
        [listed, orgProject, [everything()]],
        [search, orgProject, [], [listed]],
      ],
    });
    expect(all(facts, search)).toEqual([]);
  });

  test("are the only thing that may list, and projects the only thing that may be listed", () => {
    const attic = ref("project", "attic");
    const facts = organization({
      on: [
        there,
        [attic, orgProject, [everything()]],
        [search, orgProject, [], [attic, root]],
        [tuned, search, [], [listed]],
      ],
    });
    expect(all(facts, search)).toEqual([]);
    expect(all(facts, tuned)).toEqual([]);
  });
});

describe("words that nobody knows", () => {
  const facts = organization({
    on: [
      [root, null, [everything()]],
      [search, orgProject],
    ],
  });

  test.each(["approve", "", "constructor", "__proto__", "READ"])("the permission `%s` is denied", (word) => {
    expect(answer(facts, word as Permission, search)).toEqual(denied("unknown_word"));
  });

  test.each(["galaxy", "", "constructor", "__proto__", "toString", "Project"])(
    "the type `%s` is denied",
    (word) => {
      const type = word as ObjectType;
      expect(answer(facts, "read", ref(type, "search"))).toEqual(denied("unknown_word"));
      expect(answer(facts, "create", { type, parent: root })).toEqual(denied("unknown_word"));
      expect(answer(facts, "create", { type: "project", parent: ref(type, "acme") })).toEqual(
        denied("unknown_word"),
      );
    },
  );

  test.each<readonly [string, object]>([
    ["a subject of an unknown kind", { subject: { kind: "robot", id: ada } }],
    ["a grant of an unknown kind", { grant: { kind: "wish", permission: "read", restrictObjectType: null } }],
    ["an unknown permission", { grant: { kind: "permission", permission: "all", restrictObjectType: null } }],
    [
      "an unknown restriction",
      { grant: { kind: "permission", permission: "read", restrictObjectType: "galaxy" } },
    ],
    ["an empty restriction", { grant: { kind: "permission", permission: "read", restrictObjectType: "" } }],
    ["a missing restriction", { grant: { kind: "permission", permission: "read" } }],
    ["an unknown role", { grant: { kind: "role", id: "nobody's" } }],
    ["an expiry that is no number", { expiresAtMs: Number.NaN }],
    ["a missing expiry", { expiresAtMs: undefined }],
  ])("an ACL with %s grants nothing", (_, odd) => {
    const broken = { ...acl({ to: ada, permission: "read" }), ...odd } as Acl;
    expect(all(organization({ on: [[search, orgProject, [broken]]] }), search)).toEqual([]);
  });

  test("a role keeps what it knows beside what it does not", () => {
    const facts = organization({
      roles: {
        odd: {
          permissions: [
            { permission: "all" as Permission, restrictObjectType: null },
            { permission: "update", restrictObjectType: "galaxy" as ObjectType },
            { permission: "read", restrictObjectType: null },
          ],
        },
      },
      on: [[search, orgProject, [acl({ to: ada, role: "odd" })]]],
    });
    expect(all(facts, search)).toEqual(["read"]);
  });

  test("a restriction that can't occur below the object grants nothing", () => {
    const facts = organization({
      on: [[search, orgProject, [acl({ to: ada, permission: "read", only: "org_member" })]]],
    });
    expect(all(facts, search)).toEqual([]);
    expect(all(facts, organizationFace("org_member", org))).toEqual([]);
  });
});

describe("who", () => {
  test("ids are compared to the letter", () => {
    const facts = organization({
      members: ["ada", "Ada", "ada "],
      on: [[search, orgProject, [acl({ to: ada, permission: "read" })]]],
    });
    expect(may(facts, "read", search, ada)).toBe(true);
    expect(may(facts, "read", search, "Ada" as PrincipalId)).toBe(false);
    expect(may(facts, "read", search, "ada " as PrincipalId)).toBe(false);
  });

  test("a group and a principal of the same id are not each other", () => {
    const facts = organization({
      members: ["ada", "bob"],
      groups: { ada: [], team: ["bob"] },
      memberships: { bob: ["ada"] },
      on: [
        [search, orgProject, [acl({ to: ada, permission: "read" })]],
        [ref("project", "other"), orgProject, [acl({ toGroup: "bob", permission: "read" })]],
      ],
    });
    expect(may(facts, "read", search, "bob" as PrincipalId)).toBe(false);
    expect(may(facts, "read", ref("project", "other"), "bob" as PrincipalId)).toBe(false);
  });

  test("a non-member is told so only in the reason", () => {
    const facts = organization({ members: [], on: [[search, orgProject, [everything()]]] });
    expect(answer(facts, "read", search)).toEqual(denied("not_a_member"));
  });

  test("a deleted group holds nobody and passes nobody on", () => {
    const facts = organization({
      groups: { outer: ["gone"] },
      memberships: { ada: ["gone"] },
      on: [
        [
          search,
          orgProject,
          [acl({ toGroup: "gone", permission: "read" }), acl({ toGroup: "outer", permission: "update" })],
        ],
      ],
    });
    expect(all(facts, search)).toEqual([]);
  });

  test("groups on a cycle hold the same principals", () => {
    const facts = organization({
      groups: { a: ["b"], b: ["c"], c: ["a"], self: ["self"] },
      memberships: { ada: ["b", "self"] },
      on: [
        [
          search,
          orgProject,
          [
            acl({ toGroup: "a", permission: "read" }),
            acl({ toGroup: "c", permission: "update" }),
            acl({ toGroup: "self", permission: "delete" }),
          ],
        ],
      ],
    });
    expect(all(facts, search)).toEqual(["read", "update", "delete"]);
  });

  test("roles on a cycle give the same permissions", () => {
    const facts = organization({
      roles: {
        a: { permissions: [{ permission: "read", restrictObjectType: null }], memberRoles: ["b"] },
        b: { permissions: [{ permission: "update", restrictObjectType: null }], memberRoles: ["a"] },
      },
      on: [[search, orgProject, [acl({ to: ada, role: "a" })]]],
    });
    expect(all(facts, search)).toEqual(["read", "update"]);
  });
});

describe("when", () => {
  test.each([
    [nowMs - 1, false],
    [nowMs, false],
    [nowMs + 1, true],
    [null, true],
    [0, false],
  ])("an ACL that expires at %s allows at 1000: %s", (expiresAtMs, allowed) => {
    const grants = [{ ...acl({ to: ada, permission: "read" }), expiresAtMs }];
    expect(may(organization({ on: [[search, orgProject, grants]] }), "read", search)).toBe(allowed);
  });
});

describe("places", () => {
  const facts = organization({
    groups: { team: [] },
    on: [
      [root, null, [acl({ to: ada, permission: "create", only: "project" })]],
      [search, orgProject, [acl({ to: ada, permission: "create", only: "dataset" })]],
      [tuned, search, [everything()]],
      [organizationFace("org_member", org), root, [acl({ to: ada, permission: "create" })]],
    ],
  });

  test("a project is made in the organisation or in all of its projects, which is the same", () => {
    expect(may(facts, "create", { type: "project", parent: root })).toBe(true);
    expect(may(facts, "create", { type: "project", parent: orgProject })).toBe(true);
  });

  test("the parent must be there", () => {
    expect(may(facts, "create", { type: "dataset", parent: search })).toBe(true);
    for (const parent of [ref("project", "other"), ref("project", "acme")]) {
      expect(answer(facts, "create", { type: "dataset", parent })).toEqual(denied("no_such_place"));
    }
    for (const parent of [ref("organization", "other"), ref("org_project", "other")]) {
      expect(answer(facts, "create", { type: "project", parent })).toEqual(denied("no_such_place"));
    }
  });

  test("the parent must be of the type that the tree demands", () => {
    for (const [type, parent] of [
      ["dataset", tuned],
      ["dataset", root],
      ["dataset", orgProject],
      ["project", search],
      ["project", organizationFace("org_member", org)],
      ["group", orgProject],
      ["organization", root],
    ] as const) {
      expect(answer(facts, "create", { type, parent })).toEqual(denied("no_such_place"));
    }
  });

  test("neighbours' ACLs do not count, nor those of an object with an unlucky id", () => {
    expect(answer(facts, "create", { type: "experiment", parent: search })).toEqual(denied("no_grant"));
    expect(answer(facts, "create", { type: "group", parent: root })).toEqual(denied("no_grant"));
  });

  test("of a face there is only one, and its ACLs count", () => {
    expect(may(facts, "create", { type: "org_member", parent: root })).toBe(true);
    expect(may(facts, "create", { type: "org_audit_logs", parent: root })).toBe(false);
    expect(answer(facts, "create", { type: "project_log", parent: search })).toEqual(denied("no_such_place"));
  });

  test("create on an object is a permission like any other", () => {
    expect(may(facts, "create", search)).toBe(true);
    expect(may(facts, "create", tuned)).toBe(true);
    expect(may(facts, "create", root)).toBe(false);
  });
});

describe("the reason of an allow", () => {
  test("is the nearest ACL, and where it sits", () => {
    const near = acl({ to: ada, permission: "read" });
    const far = acl({ to: ada, role: systemRoles.viewer.id });
    const facts = organization({
      on: [
        [root, null, [far]],
        [search, orgProject, [near]],
        [tuned, search, [acl({ to: ada, permission: "update" })]],
      ],
    });
    expect(answer(facts, "read", tuned)).toEqual({
      kind: "decided",
      allowed: true,
      because: { acl: near, on: search },
    });
    expect(answer(facts, "read", orgProject)).toMatchObject({ because: { acl: far, on: root } });
  });
});

describe("a public experiment", () => {
  const experiment = publicized(
    organization({
      on: [
        [search, orgProject],
        [tuned, search],
      ],
    }),
    tuned,
  );

  test("is read by every member, which is the reason, and by nobody else", () => {
    expect(answer(experiment, "read", tuned)).toEqual({ kind: "decided", allowed: true, because: "public" });
    expect(answer(experiment, "read", tuned, "eve" as PrincipalId)).toEqual(denied("not_a_member"));
  });

  test("is not read before it is known that the principal is a member", () => {
    const unloaded: FactLookup = { ...lookupOf(experiment), member: () => undefined };
    expect(decide(questionOf("read", tuned, ada), unloaded)).toMatchObject({
      kind: "needs",
      keys: expect.arrayContaining([{ kind: "member", org, principal: ada }]),
    });
  });

  test("lets nobody do more, and makes nothing else public", () => {
    expect(answer(experiment, "update", tuned)).toEqual(denied("no_grant"));
    expect(answer(experiment, "read", search)).toEqual(denied("no_grant"));
    const project = publicized(
      organization({
        on: [
          [search, orgProject],
          [tuned, search],
        ],
      }),
      search,
    );
    expect(answer(project, "read", search)).toEqual(denied("no_grant"));
    expect(answer(project, "read", tuned)).toEqual(denied("no_grant"));
  });
});

describe("what is missing", () => {
  const listed = ref("project_group", "public");
  const facts = organization({
    groups: { team: [] },
    on: [
      [listed, root, [acl({ to: ada, permission: "read" })]],
      [search, orgProject, [acl({ to: ada, permission: "update" })], [listed, listed]],
      [tuned, search],
      [ref("project_log", "search"), search],
    ],
  });
  const subject = ["member", "memberships", "groups", "roles"];
  const top = ["org_project acme", "organization acme"];

  test.each<readonly [string, What, readonly (readonly string[])[]]>([
    [
      "an experiment",
      tuned,
      [[...subject, "experiment tuned", ...top], ["project search"], ["project_group public"]],
    ],
    [
      "a project's log",
      ref("project_log", "search"),
      [[...subject, "project_log search", "project search", ...top], ["project_group public"]],
    ],
    ["a project", search, [[...subject, "project search", ...top], ["project_group public"]]],
    [
      "a place",
      { type: "dataset", parent: search },
      [[...subject, "project search", ...top], ["project_group public"]],
    ],
    ["a group", ref("group", "team"), [[...subject, "group team", "organization acme"]]],
    ["the organisation", root, [[...subject, "organization acme"]]],
  ])("of %s is named at once, as far as it is known", (_, what, rounds) => {
    expect(roundsOf(facts, "read", what)).toEqual(rounds);
  });

  test("of an object with very many ACLs is what names the principal or its groups, once all is known that tells which", () => {
    expect(roundsOf(facts, "read", search, 0)).toEqual([
      [...subject, "project search", ...top],
      ["project_group public", "project search for ada"],
      ["project_group public for ada"],
    ]);
  });

  test("is not asked for where it can't matter", () => {
    expect(roundsOf(organization({ members: [] }), "read", tuned)).toHaveLength(1);
    expect(roundsOf(organization({}), "read", tuned)).toHaveLength(1);
    // Granted already, whatever the project groups say.
    expect(roundsOf(facts, "update", tuned)).toEqual([
      [...subject, "experiment tuned", ...top],
      ["project search"],
    ]);
  });

  test("of one that is no member is nothing", () => {
    const member = () => null;
    const answered = decide(questionOf("read", tuned), { ...nothingLoaded, member });
    expect(answered).toEqual(denied("not_a_member"));
  });

  test("of an object that is gone is nothing", () => {
    const gone = decide(questionOf("read", tuned), { ...nothingLoaded, access: () => null });
    expect(gone).toEqual(denied("no_such_object"));
  });

  test("is said of the permissions on an object too", () => {
    const question = questionOf("read", root);
    expect(permissionsOn(question, nothingLoaded)).toEqual(decide(question, nothingLoaded));
  });
});

const nothingLoaded: FactLookup = {
  member: () => undefined,
  memberships: () => undefined,
  groups: () => undefined,
  roles: () => undefined,
  access: () => undefined,
  aclsNaming: () => undefined,
  acls: () => undefined,
};

/** What is asked for, round by round, until there is an answer. */
function roundsOf(
  facts: OrganizationFacts,
  permission: Permission,
  what: What,
  inAccess = Infinity,
): readonly (readonly string[])[] {
  const full = lookupOf(facts, inAccess);
  const loaded = new Set<string>();
  const has = <Value>(name: string, value: Value) => (loaded.has(name) ? value : undefined);
  const lookup: FactLookup = {
    member: (principal) => has("member", full.member(principal)),
    memberships: (principal) => has("memberships", full.memberships(principal)),
    groups: () => has("groups", full.groups()),
    roles: () => has("roles", full.roles()),
    access: (object) => has(objectText(object), full.access(object)),
    aclsNaming: (object, subject) =>
      has(`${objectText(object)} for ${subject.id}`, full.aclsNaming(object, subject)),
    acls: (object) => full.acls(object),
  };
  const rounds: string[][] = [];
  let answered = decide(questionOf(permission, what), lookup);
  while (answered.kind === "needs" && rounds.length < 9) {
    const names = answered.keys.map(nameOf);
    rounds.push(names);
    for (const name of names) loaded.add(name);
    answered = decide(questionOf(permission, what), lookup);
  }
  return rounds;
}

function nameOf(key: FactKey): string {
  if (key.kind === "acls_naming") return `${objectText(key.object)} for ${key.subject.id}`;
  return key.kind === "access" ? objectText(key.object) : key.kind;
}

type What = ObjectRef | { readonly type: ObjectType; readonly parent: ObjectRef };

function targetOf(what: What): Question["target"] {
  return "parent" in what ? { kind: "place", ...what } : { kind: "object", object: what };
}

function questionOf(permission: Permission, what: What, principal = ada): Question {
  return { org, principal, permission, target: targetOf(what), nowMs };
}

function answer(facts: OrganizationFacts, permission: Permission, what: What, principal = ada): Decision {
  return decide(questionOf(permission, what, principal), lookupOf(facts));
}

function may(facts: OrganizationFacts, permission: Permission, what: What, principal = ada): boolean {
  const decision = answer(facts, permission, what, principal);
  return decision.kind === "decided" && decision.allowed;
}

/** The same, with an object marked as public, whether or not its type may be. */
function publicized(facts: OrganizationFacts, object: ObjectRef): OrganizationFacts {
  const name = objectText(object);
  const access = facts.access.get(name);
  if (access === undefined) throw new Error(`${name} is not there`);
  return { ...facts, access: new Map(facts.access).set(name, { ...access, publicRead: true }) };
}

/** All that Ada may do to an object. */
function all(facts: OrganizationFacts, object: ObjectRef): readonly Permission[] {
  const answered = permissionsOn({ org, principal: ada, target: targetOf(object), nowMs }, lookupOf(facts));
  return answered.kind === "decided" ? answered.permissions : [];
}

function denied(because: string) {
  return { kind: "decided", allowed: false, because };
}
