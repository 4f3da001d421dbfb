import type { Log } from "@portcullis/chassis/log";
import type { Stub } from "@portcullis/chassis/rpc/client";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import type { FactsService } from "@portcullis/proto/facts/v1/facts";
import { type Database, type Follower, startFollower } from "@portcullis/store";
import { z } from "zod";
import type { GroupsStore } from "./store/groups-store.ts";

interface FormerMembersOptions {
  readonly database: Database;
  readonly identity: Stub<typeof FactsService>;
  readonly store: GroupsStore;
  readonly redisUrl: string;
  readonly log: Log;
}

const removal = z.object({ members: z.array(z.object({ id: z.string() })) });

/** Follows identity, and takes those who left an organisation out of its groups. */
export async function followFormerMembers(options: FormerMembersOptions): Promise<Follower> {
  const { database, identity, store, redisUrl, log } = options;
  return startFollower({
    database,
    source: "identity",
    facts: identity,
    actions: ["members_removed"],
    async handle(write, event) {
      const { members } = removal.parse(JSON.parse(event.beforeJson));
      return store.endMemberships(
        write,
        event.orgId as OrgId,
        members.map(({ id }) => id as PrincipalId),
      );
    },
    redisUrl,
    log,
  });
}
