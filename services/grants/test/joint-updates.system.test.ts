// Updates of ACLs of two organisations that are made in one transaction.

import { openLog } from "@portcullis/chassis/log";
import type { ObjectId, ObjectRef, OrgId, PrincipalId, RoleId } from "@portcullis/policy";
import { Database, type JointWrite, jointWrites, otherLogs, type Written } from "@portcullis/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AclChanges, AclContent } from "../src/domain/acl.ts";
import { type AclUpdate, aclUpdates, type ChangedAcls } from "../src/store/acl-updates.ts";
import { AclRow } from "../src/store/entities.ts";
import { migrations } from "../src/store/migrations.ts";
import { context, given, newOrg, project, type Running, role, running } from "./running.ts";

const parts = new AsyncDisposableStack();
let service: Running;
let write: (write: JointWrite<AclUpdate>) => Promise<Written<ChangedAcls>>;
beforeAll(async () => {
  service = parts.use(await running());
  const database = parts.use(
    await Database.open({
      owner: "grants",
      url: service.config.DATABASE_URL,
      entities: [AclRow],
      migrations,
      otherLogs: otherLogs({}),
      log: openLog("joint-updates-test", "silent"),
    }),
  );
  write = jointWrites(database, aclUpdates);
});
afterAll(() => parts.disposeAsync());

interface World {
  readonly org: OrgId;
  readonly object: ObjectRef;
  readonly role: RoleId;
  readonly member: PrincipalId;
}

async function world(): Promise<World> {
  const org = newOrg();
  const { id } = given((await service.grants.createObject(project(org, "p"))).object);
  const { role: made } = await service.grants.createRole(role(org, "r"));
  return {
    org,
    object: { type: "project", id: id as ObjectId },
    role: given(made).id as RoleId,
    member: service.neighbours.member(org),
  };
}

function update({ org, member }: World, changes: Partial<AclChanges>): Promise<Written<ChangedAcls>> {
  const known = { members: new Set([member]), sameSince: new Map(), groups: new Set<never>(), asOf: [] };
  return write({
    org,
    context,
    dependsOn: [],
    asked: { changes: { add: [], remove: [], ...changes }, known },
  });
}

function reading(object: ObjectRef, { member }: World): AclContent {
  return {
    object,
    subject: { kind: "principal", id: member },
    grant: { kind: "permission", permission: "read", restrictObjectType: null },
    expiresAt: null,
  };
}

test("what one organisation has is neither found, removed nor granted on in another, though both are written at once", async () => {
  const [here, there] = [await world(), await world()];
  const content = reading(here.object, here);
  const [acl] = (await update(here, { add: [content] })).result.added.map((added) => added.acl);
  const { id } = given(acl);

  const roleOf = (owner: World): AclContent["grant"] => ({ kind: "role", id: owner.role });
  const [again, granted, removed, onForeign, ofForeign, own] = await Promise.allSettled([
    update(here, { add: [content] }),
    update(here, { add: [{ ...content, grant: roleOf(here) }] }),
    update(there, {
      remove: [
        { by: "id", id },
        { by: "content", content },
      ],
    }),
    update(there, { add: [reading(here.object, there)] }),
    update(there, { add: [{ ...reading(there.object, there), grant: roleOf(here) }] }),
    update(there, { add: [reading(there.object, there)] }),
  ]);

  expect(again).toMatchObject({ value: { result: { added: [{ acl: { id }, foundExisting: true }] } } });
  expect(granted).toMatchObject({ value: { revision: { orgId: here.org, position: 4 } } });
  expect(removed).toMatchObject({ value: { result: { removed: [] }, revision: { position: 2 } } });
  expect(onForeign).toMatchObject({ reason: { field: "add[0].object", message: /no such object/ } });
  expect(ofForeign).toMatchObject({ reason: { field: "add[0].role_id" } });
  expect(own).toMatchObject({ value: { revision: { orgId: there.org, position: 3 } } });
  const { rows } = await service.database.query<{ acls: string; transactions: number }>(
    `select count(*) as acls, count(distinct xmin::text)::int as transactions from acl
     where org_id = any($1::uuid[]) and id <> $2`,
    [[here.org, there.org], id],
  );
  expect(rows).toEqual([{ acls: "2", transactions: 1 }]);
});
