import { isDeepStrictEqual } from "node:util";
import { UniqueConstraintViolationException } from "@mikro-orm/core";
import { Fault } from "@portcullis/chassis/fault";
import type { OrgId, PrincipalId } from "@portcullis/policy";
import type { WriteContext } from "@portcullis/proto/events/v1/events";
import type { Database, Write, Written } from "@portcullis/store";
import { v7 as newUuid } from "uuid";
import type { EmailAddress } from "../domain/email-address.ts";
import {
  edited,
  type Organization,
  type OrganizationEdit,
  organizationForTheLog,
} from "../domain/organization.ts";
import { type NewUser, type Principal, principalForTheLog } from "../domain/principal.ts";
import { ActiveMemberRow, OrganizationRow, PrincipalRow } from "./entities.ts";
import { ensureUsers, principalOf } from "./users.ts";

export interface NewOrganization {
  readonly id: OrgId;
  readonly name: string;
  readonly ownerId: PrincipalId;
  readonly owner: NewUser;
}

/** The organisations in this database, and the users, who belong to no single one of them. */
export class OrganizationsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The user of an address. No organisation's log speaks of it: users come into one by an invitation. */
  async ensureUser(user: NewUser): Promise<Principal> {
    const users = await this.#database.read((em) =>
      ensureUsers(em, [{ ...user, id: newUuid() as PrincipalId }]),
    );
    const found = users.get(user.email.key);
    if (found === undefined) throw new Error("a user that was made can't be found");
    return found;
  }

  /** The user of an address, wherever it is a member. */
  async findUser({ key }: EmailAddress): Promise<Principal> {
    const row = await this.#database.read((em) => em.findOne(PrincipalRow, { emailKey: key }));
    if (row === null) throw new Fault("absent", "no such user");
    return principalOf(row);
  }

  /** Makes the organisation with its first member; the one that exists if it is the same. */
  async create(
    context: WriteContext,
    wanted: NewOrganization,
  ): Promise<Written<{ organization: Organization; owner: Principal }>> {
    return this.#database.write(wanted.id, context, async (write) => {
      const { em } = write;
      const users = await ensureUsers(em, [{ ...wanted.owner, id: wanted.ownerId }]);
      const owner = users.get(wanted.owner.email.key);
      if (owner?.id !== wanted.ownerId)
        throw new Fault("refused", "the owner's address and id are not one user's");
      const existing = await em.findOne(OrganizationRow, { id: wanted.id });
      if (existing !== null) {
        const member = await em.findOne(ActiveMemberRow, { orgId: wanted.id, id: owner.id });
        if (existing.name !== wanted.name || member === null) {
          throw new Fault("refused", "the id belongs to another organization");
        }
        return { organization: organizationOf(existing), owner };
      }
      const organization: Organization = {
        id: wanted.id,
        name: wanted.name,
        created: new Date(),
        settings: {},
      };
      await insert(write, organization, owner.id);
      write.record({
        action: "organization_created",
        subject: { type: "organization", id: organization.id },
        before: null,
        after: { ...organizationForTheLog(organization), members: [principalForTheLog(owner)] },
        touches: [{ kind: "member", org: organization.id, principal: owner.id }],
      });
      return { organization, owner };
    });
  }

  async update(context: WriteContext, id: OrgId, edit: OrganizationEdit): Promise<Written<Organization>> {
    return refusingTakenName(
      this.#database.write(id, context, async (write) => {
        const row = await write.em.findOne(OrganizationRow, { id });
        if (row === null) throw noSuchOrganization();
        const before = organizationOf(row);
        const after = edited(before, edit);
        if (isDeepStrictEqual(after, before)) return before;
        row.name = after.name;
        row.settings = after.settings;
        write.record({
          action: "organization_updated",
          subject: { type: "organization", id },
          before: organizationForTheLog(before),
          after: organizationForTheLog(after),
          touches: [],
        });
        return after;
      }),
    );
  }

  async get(id: OrgId): Promise<Organization> {
    return this.#one({ id });
  }

  async find(name: string): Promise<Organization> {
    return this.#one({ name });
  }

  async #one(where: { id: OrgId } | { name: string }): Promise<Organization> {
    const row = await this.#database.read((em) => em.findOne(OrganizationRow, where));
    if (row === null) throw noSuchOrganization();
    return organizationOf(row);
  }
}

export function noSuchOrganization(): Fault {
  return new Fault("absent", "no such organization");
}

async function insert({ em }: Write, organization: Organization, owner: PrincipalId): Promise<void> {
  const made = await em.execute<unknown[]>(
    `insert into organization (id, name, created, settings) values (?, ?, ?, '{}')
     on conflict (name) do nothing returning id`,
    [organization.id, organization.name, organization.created],
  );
  if (made.length === 0) throw nameTaken();
  await em.execute("insert into membership (org_id, principal_id, joined) values (?, ?, ?)", [
    organization.id,
    owner,
    organization.created,
  ]);
}

/** The name is all that an update can collide with. */
async function refusingTakenName<Result>(write: Promise<Result>): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    throw error instanceof UniqueConstraintViolationException ? nameTaken() : error;
  }
}

function nameTaken(): Fault {
  return new Fault("refused", "the name is taken by another organization", { field: "name" });
}

function organizationOf(row: OrganizationRow): Organization {
  return { id: row.id as OrgId, name: row.name, created: row.created, settings: row.settings };
}
