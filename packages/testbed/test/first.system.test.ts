import { createOrganization } from "@portcullis/admin-service/create-organization";
import { expect, inject, test } from "vitest";
import { restClient } from "../src/rest.ts";
import { startSystem } from "../src/system.ts";

test("an administrator's change over REST is answered by a Check over gRPC", async () => {
  await using system = await startSystem({ databaseServerUrl: inject("databaseUrl") });
  const { orgId, ownerKey } = await createOrganization(system, {
    name: "Acme",
    owner: { email: "olga@acme.example" },
  });
  const rest = restClient(system.adminUrl, ownerKey);
  const project = await rest.ok<{ id: string }>("POST", "/v1/project", { name: "Search" });
  const experiment = await rest.ok<{ id: string }>("POST", "/v1/experiment", {
    name: "one",
    project_id: project.id,
  });
  await rest.ok("PATCH", "/v1/organization/members", { invite_users: { emails: ["ada@acme.example"] } });
  const users = await rest.ok<{ objects: { id: string }[] }>("GET", "/v1/user?email=ada@acme.example");
  const ada = users.objects[0]?.id ?? "";
  const group = await rest.ok<{ id: string }>("POST", "/v1/group", { name: "Team", member_users: [ada] });
  await rest.ok("POST", "/v1/acl", {
    object_type: "project",
    object_id: project.id,
    group_id: group.id,
    permission: "read",
  });
  const check = async () =>
    (
      await system.decision.check({
        orgId,
        who: { $case: "principalId", value: ada },
        permission: "read",
        what: { $case: "object", value: { type: "experiment", id: experiment.id } },
        consistency: { kind: { $case: "fullyConsistent", value: {} } },
      })
    ).allowed;
  expect(await check()).toBe(true);
  await rest.ok("PATCH", `/v1/group/${group.id}`, { remove_member_users: [ada] });
  expect(await check()).toBe(false);
});
