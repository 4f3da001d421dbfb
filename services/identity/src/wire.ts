// Proto to domain and back; the only file that knows both.

import { invalid } from "@portcullis/chassis/fault";
import { jsonObject, list, optionalText, present, text, uuid, uuids, word } from "@portcullis/chassis/fields";
import type { OrgId, PrincipalKind } from "@portcullis/policy";
import type {
  InviteMembersRequest,
  NewUser as NewUserMessage,
  Organization as OrganizationMessage,
  Principal as PrincipalMessage,
  ProvisionedRecord as ProvisionedRecordMessage,
  ProvisionedUser as ProvisionedUserMessage,
} from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";
import { type EmailAddress, emailKey } from "./domain/email-address.ts";
import type { Organization } from "./domain/organization.ts";
import type { Invitation, NewUser, Principal } from "./domain/principal.ts";
import {
  attributesBytesMax,
  type ProvisionedRecord,
  type ProvisionedUser,
} from "./domain/provisioned-user.ts";

export const nameMax = 255;
/** The most entries of any list in a request. */
export const listMax = 10_000;

const recordEmailsMax = 100;
const recordEmailMax = 320;

const kinds = ["user", "service_account"] as const satisfies readonly PrincipalKind[];

export function orgFromWire(value: string, field: string): OrgId {
  return uuid(value, field);
}

export function kindFromWire(value: string): PrincipalKind | null {
  return value === "" ? null : word(value, "kind", kinds);
}

export function newUserFromWire(message: NewUserMessage | undefined, field: string): NewUser {
  const { email, givenName, familyName } = present(message, field);
  return {
    email: emailFromWire(email, `${field}.email`),
    givenName: nameOrNull(givenName, `${field}.given_name`),
    familyName: nameOrNull(familyName, `${field}.family_name`),
  };
}

export function invitationFromWire(request: InviteMembersRequest): Invitation {
  return {
    userIds: uuids(request.userIds, "user_ids", listMax),
    users: list(request.users, "users", listMax).map((user, index) =>
      newUserFromWire(user, `users[${index}]`),
    ),
    serviceAccounts: list(request.serviceAccounts, "service_accounts", listMax).map(({ name }, index) => ({
      name: text(name, `service_accounts[${index}].name`, nameMax),
    })),
  };
}

/** Values to compare with; nothing is refused but what no stored text can be. */
export function textsFromWire(values: readonly string[], field: string): readonly string[] {
  return list(values, field, listMax).map((value, index) =>
    optionalText(value, `${field}[${index}]`, nameMax),
  );
}

export function organizationToWire({ id, name, created, settings }: Organization): OrganizationMessage {
  return { id, name, created, settingsJson: JSON.stringify(settings) };
}

export function principalToWire(principal: Principal): PrincipalMessage {
  return {
    id: principal.id,
    kind: principal.kind,
    email: principal.email ?? undefined,
    givenName: principal.givenName ?? undefined,
    familyName: principal.familyName ?? undefined,
    avatarUrl: principal.avatarUrl ?? undefined,
    created: principal.created,
  };
}

export function recordFromWire(
  message: ProvisionedRecordMessage | undefined,
  field: string,
): ProvisionedRecord {
  const { userName, externalId, attributesJson, emails } = present(message, field);
  const keys = list(emails, `${field}.emails`, recordEmailsMax).map((email, index) =>
    emailKey(text(email, `${field}.emails[${index}]`, recordEmailMax)),
  );
  return {
    userName: text(userName, `${field}.user_name`, nameMax),
    externalId: externalId === undefined ? null : text(externalId, `${field}.external_id`, nameMax),
    attributes: jsonObject(attributesJson, `${field}.attributes_json`, attributesBytesMax),
    emailKeys: [...new Set(keys)].sort(),
  };
}

export function provisionedUserToWire({
  principal,
  active,
  record,
}: ProvisionedUser): ProvisionedUserMessage {
  return {
    principal: principalToWire(principal),
    active,
    record: record === null ? undefined : recordToWire(record),
  };
}

function recordToWire(record: NonNullable<ProvisionedUser["record"]>): ProvisionedRecordMessage {
  return {
    userName: record.userName,
    externalId: record.externalId ?? undefined,
    attributesJson: JSON.stringify(record.attributes),
    emails: [...record.emailKeys],
    created: record.created,
    updated: record.updated,
  };
}

/** ASCII, of at most 254 characters. */
const emailSyntax = z.email().max(254);

export function emailFromWire(text: string, field: string): EmailAddress {
  if (!emailSyntax.safeParse(text).success) {
    throw invalid(field, text === "" ? "is required" : "must be an e-mail address");
  }
  return { text, key: emailKey(text) };
}

/** An empty name is an absent one. */
function nameOrNull(value: string | undefined, field: string): string | null {
  return value === undefined || value === "" ? null : text(value, field, nameMax);
}
