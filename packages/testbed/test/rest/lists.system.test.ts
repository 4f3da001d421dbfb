import { randomUUID } from "node:crypto";
import { objectTypeNames } from "@portcullis/policy";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Facade, type Person, startFacade } from "./facade.ts";

// What somebody may do where, as a list; and that a question about each thing in turn says the same.

interface ObjectsPage {
  readonly ids: readonly string[];
  readonly cursor: string | null;
  readonly revision: string;
}

let facade: Facade;
const projects: string[] = [];
const experiments: string[] = [];
let person: Person;
let team: string;
beforeAll(async () => {
  facade = await startFacade();
  for (const name of ["Search", "Ads", "Maps"]) projects.push(await create("project", { name }));
  for (const project_id of projects) {
    for (const name of ["a", "b"]) experiments.push(await create("experiment", { name, project_id }));
  }
  team = await create("group", { name: "Team" });
  person = await facade.member([team]);
  await create("acl", { object_type: "project", object_id: projects[0], group_id: team, permission: "read" });
  await create("acl", {
    object_type: "experiment",
    object_id: experiments[3],
    user_id: person.id,
    permission: "update",
  });
});
afterAll(() => facade?.[Symbol.asyncDispose]());

async function create(noun: string, body: object): Promise<string> {
  return (await facade.owner.rest.ok<{ id: string }>("POST", `/v1/${noun}`, body)).id;
}

const fully = { consistency: { fully_consistent: {} } };

function list(asker: Person, body: object): Promise<ObjectsPage> {
  return asker.rest.ok<ObjectsPage>("POST", "/v1/access/list-objects", { ...fully, ...body });
}

async function listAll(asker: Person, body: object): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: ObjectsPage = await list(asker, { ...body, ...(cursor !== null && { cursor }) });
    ids.push(...page.ids);
    cursor = page.cursor;
  } while (cursor !== null);
  return ids;
}

test("what a principal may do is what it is told of each object, for every type", async () => {
  const everything = new Map<string, string[]>();
  for (const type of objectTypeNames) {
    everything.set(type, await listAll(facade.owner, { permission: "read", type, limit: 3 }));
  }
  expect(everything.get("experiment")).toEqual(experiments.toSorted());
  expect(everything.get("project_log")).toEqual(projects.toSorted());
  expect(everything.get("group")).toContain(team);
  for (const [type, ids] of everything) {
    for (const permission of ["read", "update"]) {
      const listed = await listAll(facade.owner, { principal_id: person.id, permission, type });
      const checks = ids.map((id) => ({ principal_id: person.id, permission, object: { type, id } }));
      if (checks.length === 0) continue;
      const { results } = await facade.owner.rest.ok<{ results: { allowed: boolean }[] }>(
        "POST",
        "/v1/access/batch-check",
        { checks, ...fully },
      );
      expect({ type, permission, ids: listed }).toEqual({
        type,
        permission,
        ids: ids.filter((_, index) => results[index]?.allowed).toSorted(),
      });
    }
  }
});

test("of oneself one may ask, below one object alone too", async () => {
  const mine = await list(person, { permission: "read", type: "experiment" });
  expect(mine).toMatchObject({ ids: experiments.slice(0, 2).toSorted(), cursor: null });
  const under = { type: "project", id: projects[1] };
  expect((await list(person, { permission: "read", type: "experiment", under })).ids).toEqual([]);
  expect((await list(person, { permission: "update", type: "experiment", under })).ids).toEqual([
    experiments[3],
  ]);
  expect(await list(person, { permission: "update", type: "organization" })).toMatchObject({ ids: [] });
});

test("somebody who is no member has nothing", async () => {
  const body = { principal_id: randomUUID(), permission: "read", type: "experiment" };
  expect((await list(facade.owner, body)).ids).toEqual([]);
});

test("pages follow one another by their cursors, which are good for their own question alone", async () => {
  const body = { permission: "read", type: "experiment", limit: 4 };
  const first = await list(facade.owner, body);
  expect(first.ids).toHaveLength(4);
  const second = await list(facade.owner, { ...body, cursor: first.cursor });
  expect([...first.ids, ...second.ids]).toEqual(experiments.toSorted());
  expect(second.cursor).toBeNull();
  for (const other of [
    { permission: "update" },
    { type: "dataset" },
    { under: { type: "project", id: projects[0] } },
  ]) {
    const answer = await facade.owner.rest.request("POST", "/v1/access/list-objects", {
      ...body,
      ...other,
      cursor: first.cursor,
    });
    expect(answer).toMatchObject({ status: 400, body: { error: "cursor: is of another question" } });
  }
});

test("under what can't hold such a thing nobody may look", async () => {
  const body = { permission: "read", type: "project", under: { type: "experiment", id: experiments[0] } };
  expect(await facade.owner.rest.request("POST", "/v1/access/list-objects", body)).toMatchObject({
    status: 400,
    body: { error: "under: objects of type experiment hold none of type project" },
  });
});

test("a change is in the list from its answer on, for whoever brings its revision", async () => {
  const acl = {
    object_type: "experiment",
    object_id: experiments[5],
    user_id: person.id,
    permission: "read",
  };
  for (const [method, isThere] of [
    ["POST", true],
    ["DELETE", false],
  ] as const) {
    const { headers } = await facade.owner.rest.request(method, "/v1/acl", acl);
    const consistency = { at_least_as_fresh: headers.get("x-portcullis-revision") };
    const { ids } = await list(facade.owner, {
      principal_id: person.id,
      permission: "read",
      type: "experiment",
      consistency,
    });
    expect(ids.includes(experiments[5] ?? "")).toBe(isThere);
  }
});

interface PrincipalsPage {
  readonly principals: readonly {
    readonly principal: { readonly id: string; readonly name: string | null };
    readonly reason: string;
    readonly paths: readonly {
      readonly acl: { readonly id: string };
      readonly groups: readonly { readonly id: string; readonly name: string | null }[];
    }[];
    readonly paths_cut: boolean;
  }[];
  readonly cursor: string | null;
}

async function holders(body: object): Promise<PrincipalsPage["principals"]> {
  const all: PrincipalsPage["principals"][number][] = [];
  let cursor: string | null = null;
  do {
    const page: PrincipalsPage = await facade.owner.rest.ok("POST", "/v1/access/list-principals", {
      ...fully,
      ...body,
      ...(cursor !== null && { cursor }),
    });
    all.push(...page.principals);
    cursor = page.cursor;
  } while (cursor !== null);
  return all;
}

test("who may do something is listed, each with how", async () => {
  const inner = await create("group", { name: "Inner" });
  const outer = await create("group", { name: "Outer", member_groups: [inner] });
  const people = await Promise.all([
    facade.member([inner]),
    facade.member([inner, outer]),
    facade.member([]),
  ]);
  const [one, both, named] = people;
  const project = await create("project", { name: "Whose" });
  const object = { type: "project", id: project };
  const on = { object_type: "project", object_id: project };
  const byGroup = await create("acl", { ...on, group_id: outer, permission: "delete" });
  const byName = await create("acl", { ...on, user_id: named?.id, permission: "delete" });
  const former = await facade.member([inner]);
  await facade.owner.rest.ok("PATCH", "/v1/organization/members", { remove_users: { ids: [former.id] } });

  const everybody = await facade.owner.rest.ok<{ objects: { id: string }[] }>("GET", "/v1/user");
  const all = [...everybody.objects.map(({ id }) => id), former.id].toSorted();
  const checks = all.map((principal_id) => ({ principal_id, permission: "delete", object }));
  const { results } = await facade.owner.rest.ok<{ results: { allowed: boolean }[] }>(
    "POST",
    "/v1/access/batch-check",
    { checks, ...fully },
  );
  const allowed = all.filter((_, index) => results[index]?.allowed);
  expect(allowed).toEqual(expect.arrayContaining(people.map(({ id }) => id)));

  for (const limit of [1, 2, 1000]) {
    const listed = await holders({ object, permission: "delete", limit });
    expect(listed.map(({ principal }) => principal.id)).toEqual(allowed);
    const waysOf = (person: Person | undefined) =>
      listed
        .find(({ principal }) => principal.id === person?.id)
        ?.paths.map(({ acl, groups }) => [acl.id, ...groups.map(({ name }) => name)])
        .toSorted();
    expect(waysOf(one)).toEqual([[byGroup, "Inner", "Outer"]]);
    expect(waysOf(both)).toEqual([
      [byGroup, "Inner", "Outer"],
      [byGroup, "Outer"],
    ]);
    expect(waysOf(named)).toEqual([[byName]]);
    for (const { principal, reason } of listed)
      expect([principal.name, reason]).toEqual([expect.any(String), "grant"]);
  }
});

test("a public experiment is for every member, who is said to need no grant; and what is not there for nobody", async () => {
  const open = await create("experiment", { name: "open", project_id: projects[0], public: true });
  const listed = await holders({ object: { type: "experiment", id: open }, permission: "read", limit: 3 });
  const { objects } = await facade.owner.rest.ok<{ objects: { id: string }[] }>("GET", "/v1/user");
  expect(listed.map(({ principal }) => principal.id)).toEqual(objects.map(({ id }) => id).toSorted());
  expect(listed.find(({ principal }) => principal.id === person.id)?.reason).toBe("public");
  await facade.owner.rest.ok("DELETE", `/v1/experiment/${open}`);
  expect(
    await facade.owner.rest.request("POST", "/v1/access/list-principals", {
      object: { type: "experiment", id: open },
      permission: "read",
    }),
  ).toMatchObject({ status: 404 });
});
