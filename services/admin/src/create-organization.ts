import { parseArgs } from "node:util";
import { Fault } from "@portcullis/chassis/fault";
import { runCommand } from "@portcullis/chassis/run";
import { tlsOf } from "@portcullis/chassis/tls";
import type { NewUser } from "@portcullis/proto/identity/v1/identity";
import { v7 as newUuid } from "uuid";
import { settings } from "./config.ts";
import { connectOwners, type Owners } from "./owners.ts";

export interface OrganizationWanted {
  /** Chosen by the caller, so that a repetition finds what an attempt before it made. */
  readonly id?: string;
  readonly name: string;
  readonly owner: Pick<NewUser, "email"> & Partial<NewUser>;
}

export interface OrganizationMade {
  readonly orgId: string;
  readonly ownerId: string;
  /** An API key of the Owner's. */
  readonly ownerKey: string;
}

const ownerKeyName = "Owner";

/**
 * Makes an organisation with its first Owner. That somebody is a member comes last, so nobody sees a half-made one; and
 * every step finds what it did before, so an attempt that broke off can be repeated with the same id. The Owner's key is
 * a new one each time, in place of the one before.
 */
export async function createOrganization(
  { identity, groups, grants, tokens }: Owners,
  wanted: OrganizationWanted,
): Promise<OrganizationMade> {
  const orgId = wanted.id ?? newUuid();
  const context = { actor: undefined, requestId: newUuid(), sourceAddress: "", unchangedSince: [] };
  const hop = { requestId: context.requestId };
  const owner = { givenName: undefined, familyName: undefined, ...wanted.owner };
  await ensureNameIsFree(identity, wanted.name, orgId);
  const { user } = await identity.ensureUser({ user: owner }, hop);
  const ownerId = user?.id ?? "";
  const { ownersId, engineersId, viewersId } = await groups.provision({ context, orgId, ownerId }, hop);
  await grants.provision({ context, orgId, ownersId, engineersId, viewersId }, hop);
  await identity.createOrganization({ context, id: orgId, name: wanted.name, ownerId, owner }, hop);
  const { secret } = await tokens.createCredential(
    {
      context,
      orgId,
      kind: "api_key",
      principalId: ownerId,
      name: ownerKeyName,
      expiresAt: undefined,
      scope: undefined,
      replace: true,
    },
    hop,
  );
  return { orgId, ownerId, ownerKey: secret };
}

/** Early, so that a taken name leaves nothing behind; who comes between is refused by identity in the end. */
async function ensureNameIsFree(identity: Owners["identity"], name: string, orgId: string): Promise<void> {
  try {
    const { organization } = await identity.findOrganization({ name });
    if (organization?.id !== orgId) throw new Fault("refused", "the name is taken by another organization");
  } catch (error) {
    if (!(error instanceof Fault && error.kind === "absent")) throw error;
  }
}

const usage = "usage: create-organization --name NAME --owner-email EMAIL [--id UUID]";

async function main(): Promise<void> {
  const environment = settings.pick({
    PORTCULLIS_SERVICE_CREDENTIAL: true,
    PORTCULLIS_IDENTITY_ADDRESS: true,
    PORTCULLIS_GROUPS_ADDRESS: true,
    PORTCULLIS_GRANTS_ADDRESS: true,
    PORTCULLIS_TOKENS_ADDRESS: true,
    PORTCULLIS_DECISION_ADDRESS: true,
    PORTCULLIS_TLS_CERT_FILE: true,
    PORTCULLIS_TLS_KEY_FILE: true,
    PORTCULLIS_TLS_CA_FILE: true,
  });
  await runCommand("create-organization", environment, async (given) => {
    const wanted = readArguments();
    using connections = connectOwners(given, tlsOf(given, "admin"));
    const { orgId, ownerKey } = await createOrganization(connections.owners, wanted);
    process.stdout.write(`PORTCULLIS_ORG_ID=${orgId}\nPORTCULLIS_OWNER_KEY=${ownerKey}\n`);
  });
}

function readArguments(): OrganizationWanted {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { name: text, "owner-email": text, id: text } });
  const { name, "owner-email": email, id } = values;
  if (name === undefined || email === undefined) throw new Fault("invalid", usage);
  return { name, owner: { email }, ...(id !== undefined && { id }) };
}

if (import.meta.main) await main();
