import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import type { BuiltInGroup } from "@portcullis/policy";

export const GroupRow = defineEntity({
  name: "Group",
  tableName: "permission_group",
  properties: {
    id: p.uuid().primary(),
    orgId: p.uuid(),
    name: p.string(),
    description: p.text().nullable(),
    creatorId: p.uuid().nullable(),
    created: p.datetime(3),
    builtIn: p.string().$type<BuiltInGroup>().nullable(),
    externalId: p.string().nullable(),
    deletedAt: p.datetime(3).nullable(),
  },
});

export type GroupRow = InferEntity<typeof GroupRow>;
