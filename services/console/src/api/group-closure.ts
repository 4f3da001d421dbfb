import { queryOptions } from "@tanstack/react-query";
import { getByIds } from "./by-ids.ts";
import type { Group } from "./groups.ts";

const roundsMax = 50;

/** How many members a group has, those of its nested groups included, each counted once. */
export function memberCountQuery(groupId: string) {
  return queryOptions({
    queryKey: ["groups", "closure", groupId],
    async queryFn({ signal }): Promise<number> {
      const members = new Set<string>();
      const seen = new Set([groupId]);
      let next: readonly string[] = [groupId];
      for (let round = 0; next.length > 0 && round < roundsMax; round += 1) {
        const groups = await getByIds<Group>("/v1/group", next, signal);
        for (const member of groups.flatMap((group) => group.member_users)) members.add(member);
        next = groups.flatMap((group) => group.member_groups).filter((id) => !seen.has(id));
        for (const id of next) seen.add(id);
      }
      return members.size;
    },
  });
}
