import { invalid } from "@portcullis/chassis/fault";
import type { Revision } from "@portcullis/proto/events/v1/events";
import type { Group } from "@portcullis/proto/groups/v1/groups";
import type { InvitedMember } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { type Demand, may, objectRef } from "../access.ts";
import { type Caller, sees } from "../caller.ts";
import { anyText, countUpTo, email, id, listOf, maybe, name } from "../input.ts";
import type { Owners } from "../owners.ts";
import { type Route, route } from "../route.ts";
import { present, renames } from "../wire.ts";

const serviceAccountsMax = 1000;
/** What the owner of groups takes at once: judged here, as it comes behind the invitation. */
const joiningMax = 10_000;
const membershipsMax = 100_000;

/** Ten years. */
const tokenSecondsMax = 315_360_000;

const serviceAccount = z
  .strictObject({
    name,
    token_name: maybe(name),
    token_expires_in_seconds: maybe(countUpTo(tokenSecondsMax)),
  })
  .refine((given) => given.token_expires_in_seconds === undefined || given.token_name !== undefined, {
    path: ["token_expires_in_seconds"],
    message: "can only stand beside token_name",
  });
type ServiceAccount = z.infer<typeof serviceAccount>;

const tooManyJoin = {
  path: ["group_ids"],
  message: `at most ${joiningMax} can be put into groups at once, by at most ${membershipsMax} memberships`,
};

const invitation = z
  .strictObject({
    ids: maybe(listOf(id)),
    emails: maybe(listOf(email)),
    service_accounts: maybe(z.array(serviceAccount).max(serviceAccountsMax)),
    send_invite_emails: maybe(z.boolean()),
    group_ids: maybe(listOf(id)),
    group_names: maybe(listOf(name)),
    group_id: maybe(id),
    group_name: maybe(name),
  })
  .transform((given) => ({
    ids: given.ids ?? [],
    emails: given.emails ?? [],
    serviceAccounts: given.service_accounts ?? [],
    sendEmails: given.send_invite_emails === true,
    groupIds: [...(given.group_ids ?? []), ...(given.group_id === undefined ? [] : [given.group_id])],
    groupNames: [...(given.group_names ?? []), ...(given.group_name === undefined ? [] : [given.group_name])],
  }))
  .refine(({ ids, emails, serviceAccounts, groupIds, groupNames }) => {
    const joining = ids.length + emails.length + serviceAccounts.length;
    const into = new Set(groupIds).size + new Set(groupNames).size;
    return into === 0 || (joining <= joiningMax && joining * into <= membershipsMax);
  }, tooManyJoin);
type Invitation = z.infer<typeof invitation>;

const removal = z
  .strictObject({ ids: maybe(listOf(id)), emails: maybe(listOf(email)) })
  .transform(({ ids = [], emails = [] }) => ({ ids, emails }));

const changes = z.strictObject({
  invite_users: maybe(invitation),
  remove_users: maybe(removal),
  org_name: maybe(anyText),
  org_id: maybe(anyText),
});

const result = z.object({
  status: z.literal("success"),
  org_id: z.string(),
  send_email_error: z.string().nullable(),
  added_users: z.array(
    z.object({
      id: z.uuid(),
      email: z.string().nullable(),
      api_key: z.string().nullable(),
      token_name: z.string().nullable(),
    }),
  ),
});

const fieldOf = renames(
  [/^user_ids/, "invite_users.ids"],
  [/^users(\[\d+\])\.email/, "invite_users.emails$1"],
  [/^service_accounts/, "invite_users.service_accounts"],
  [/^group_ids/, "invite_users.group_ids"],
  [/^principal_ids/, "remove_users.ids"],
  [/^emails/, "remove_users.emails"],
);

/** Who is a member. All of a request is judged before any of it is done; each step can be repeated. */
export function memberRoutes({ identity, groups, tokens }: Owners): readonly Route[] {
  return [
    route({
      method: "PATCH",
      path: "/v1/organization/members",
      summary: "Invite and remove members",
      body: changes,
      response: result,
      find: async ({ body }, caller) => ({
        into: await findGroups(body.invite_users, caller),
        removesServiceAccount: await isServiceAccountAmong(body.remove_users?.ids ?? [], caller),
      }),
      requires: ({ body, found }) => demandsOf(body, found),
      async handle({ body, found }, caller) {
        const revisions: (Revision | undefined)[] = [];
        const added =
          body.invite_users === undefined
            ? []
            : await invite(body.invite_users, found.into, caller, revisions);
        if (body.remove_users !== undefined) {
          const removed = await identity.removeMembers(
            {
              context: caller.context,
              orgId: caller.org,
              principalIds: body.remove_users.ids,
              emails: body.remove_users.emails,
            },
            caller.hop,
          );
          revisions.push(removed.revision);
        }
        const unsent = body.invite_users?.sendEmails === true && added.some((user) => user.email !== null);
        return {
          body: {
            status: "success" as const,
            org_id: caller.org,
            send_email_error: unsent ? "no mail server is configured, so no invitation was sent" : null,
            added_users: added,
          },
          revisions,
        };
      },
      fieldOf,
    }),
  ];

  /** The groups that an invitation names; to a caller without any grant there are none. */
  async function findGroups(invited: Invitation | undefined, caller: Caller): Promise<readonly Group[]> {
    if (invited === undefined) return [];
    const list = async (ids: string[], names: string[]) =>
      (ids.length === 0 && names.length === 0) || !sees(caller, "group")
        ? []
        : (await groups.listGroups({ orgId: caller.org, page: undefined, ids, names }, caller.hop)).groups;
    const [byId, byName] = await Promise.all([list(invited.groupIds, []), list([], invited.groupNames)]);
    const [ids, names] = [new Set(byId.map(({ id }) => id)), new Set(byName.map(({ name }) => name))];
    const missingId = invited.groupIds.find((groupId) => !ids.has(groupId));
    if (missingId !== undefined) throw invalid("invite_users.group_ids", `no such group: \`${missingId}\``);
    const missingName = invited.groupNames.find((name) => !names.has(name));
    if (missingName !== undefined)
      throw invalid("invite_users.group_names", `no such group: \`${missingName}\``);
    return [...new Map([...byId, ...byName].map((group) => [group.id, group])).values()];
  }

  async function isServiceAccountAmong(principalIds: string[], caller: Caller): Promise<boolean> {
    if (principalIds.length === 0) return false;
    const { members } = await identity.getMembers({ orgId: caller.org, principalIds }, caller.hop);
    return members.some(({ kind }) => kind === "service_account");
  }

  async function invite(
    invited: Invitation,
    into: readonly Group[],
    caller: Caller,
    revisions: (Revision | undefined)[],
  ) {
    const { ids, emails, serviceAccounts } = invited;
    if (ids.length + emails.length + serviceAccounts.length === 0) return [];
    const { members, revision } = await identity.inviteMembers(
      {
        context: caller.context,
        orgId: caller.org,
        userIds: ids,
        users: emails.map((email) => ({ email, givenName: undefined, familyName: undefined })),
        serviceAccounts: serviceAccounts.map(({ name }) => ({ name })),
      },
      caller.hop,
    );
    revisions.push(revision);
    if (into.length > 0) {
      // Those who were members already too: a repeat after a failure finds them so.
      const joined = await groups.addPrincipals(
        {
          context: caller.context,
          orgId: caller.org,
          principalIds: [...new Set(members.map(({ principal }) => present(principal).id))],
          groupIds: into.map((group) => group.id),
        },
        caller.hop,
      );
      revisions.push(joined.revision);
    }
    const accountsFrom = ids.length + emails.length;
    const added = [];
    for (const [index, member] of members.entries()) {
      const account = serviceAccounts[index - accountsFrom];
      const secret = await firstToken(member, account, caller, revisions);
      const { id, email = null } = present(member.principal);
      // A token is told even if its account was there before: it is shown this once.
      if (member.added || secret !== null)
        added.push({ id, email, api_key: secret, token_name: account?.token_name ?? null });
    }
    return added;
  }

  async function firstToken(
    member: InvitedMember,
    account: ServiceAccount | undefined,
    caller: Caller,
    revisions: (Revision | undefined)[],
  ): Promise<string | null> {
    const { token_name: name, token_expires_in_seconds: seconds } = account ?? {};
    if (name === undefined) return null;
    const made = await tokens.createCredential(
      {
        context: caller.context,
        orgId: caller.org,
        kind: "service_token",
        principalId: present(member.principal).id,
        name,
        expiresAt: seconds === undefined ? undefined : new Date(Date.now() + seconds * 1000),
        scope: undefined,
        replace: false,
      },
      caller.hop,
    );
    revisions.push(made.revision);
    return made.secret;
  }
}

/** What a request names, and what becomes of it. */
interface Found {
  readonly into: readonly Group[];
  readonly removesServiceAccount: boolean;
}

/** What tells service accounts from others comes last: it is told to those alone who may do all else. */
function demandsOf(
  { invite_users: invited, remove_users: removed }: z.infer<typeof changes>,
  { into, removesServiceAccount }: Found,
): readonly Demand[] {
  const accounts = invited?.serviceAccounts ?? [];
  return [
    may("organization.read"),
    ...(invited === undefined ? [] : [may("member.invite")]),
    ...into.map((group) => may("group.update", objectRef("group", group.id))),
    ...(removed === undefined ? [] : [may("member.remove")]),
    ...(accounts.some((account) => account.token_name !== undefined) ? [may("service_token.manage")] : []),
    ...(accounts.length > 0 || removesServiceAccount ? [may("service_account.manage")] : []),
  ];
}
