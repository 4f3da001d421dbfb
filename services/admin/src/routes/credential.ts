// What API keys and service tokens have in common, beside the public fields.

import { scopeFromWire, scopeToWire } from "@portcullis/facts/wire";
import { type ObjectId, objectTypeNames, permissions, type Scope } from "@portcullis/policy";
import type { Credential, RotateCredentialResponse } from "@portcullis/proto/tokens/v1/tokens";
import { z } from "zod";
import type { Caller } from "../caller.ts";
import { countFrom, id, maybe, objectType, permission, time } from "../input.ts";
import type { Owners } from "../owners.ts";
import { timeText } from "../wire.ts";

const overlapSecondsMax = 7 * 24 * 60 * 60;
/** Long enough to bring the new one to wherever the old one is used. */
const overlapSecondsUsual = 24 * 60 * 60;
const partMax = 100;

/** What a credential is narrowed to, as a request names it. */
const scopeWanted = z
  .strictObject({
    permissions: maybe(z.array(permission).min(1).max(partMax)),
    object_types: maybe(z.array(objectType).min(1).max(partMax)),
    objects: maybe(
      z
        .array(z.strictObject({ type: objectType, id }))
        .min(1)
        .max(partMax),
    ),
  })
  .refine((given) => Object.values(given).some((part) => part !== undefined), {
    message: "must name permissions, object_types or objects",
  })
  .transform(
    (given): Scope => ({
      permissions: given.permissions ?? null,
      objectTypes: given.object_types ?? null,
      objects: given.objects?.map((one) => ({ type: one.type, id: one.id as ObjectId })) ?? null,
    }),
  );

/** Of what is made: until when, and for what. */
export const limits = { expires_at: maybe(time), scope: maybe(scopeWanted) } as const;

export function limitsToWire(given: { expires_at?: string | undefined; scope?: Scope | undefined }) {
  return {
    expiresAt: given.expires_at === undefined ? undefined : new Date(given.expires_at),
    scope: scopeToWire(given.scope ?? null),
  };
}

/** Shown of every credential. */
export const shownLimits = {
  expires_at: z.iso.datetime().nullable(),
  /** Exact to some minutes. */
  last_used_at: z.iso.datetime().nullable(),
  /** Another one was made in its place; it goes on until it expires. */
  rotated_at: z.iso.datetime().nullable(),
  scope: z
    .object({
      permissions: z.array(z.enum(permissions)).nullable(),
      object_types: z.array(z.enum(objectTypeNames)).nullable(),
      objects: z.array(z.object({ type: z.enum(objectTypeNames), id: z.uuid() })).nullable(),
    })
    .nullable(),
} as const;

export function showLimits({ expiresAt, lastUsedAt, rotatedAt, scope: message }: Credential) {
  const scope = scopeFromWire(message);
  return {
    expires_at: timeText(expiresAt),
    last_used_at: timeText(lastUsedAt),
    rotated_at: timeText(rotatedAt),
    scope:
      scope === null
        ? null
        : {
            permissions: scope.permissions === null ? null : [...scope.permissions],
            object_types: scope.objectTypes === null ? null : [...scope.objectTypes],
            objects: scope.objects === null ? null : [...scope.objects],
          },
  };
}

/** How long the old one goes on beside the new one. */
export const rotation = z
  .strictObject({ overlap_seconds: maybe(countFrom(0, overlapSecondsMax)) })
  .nullish()
  .transform((given) => ({ overlapSeconds: given?.overlap_seconds ?? overlapSecondsUsual }));

/** Makes a credential in place of this one. */
export function rotate(
  tokens: Owners["tokens"],
  { id, kind }: Pick<Credential, "id" | "kind">,
  overlapSeconds: number,
  caller: Caller,
): Promise<RotateCredentialResponse> {
  return tokens.rotateCredential(
    { context: caller.context, orgId: caller.org, id, kind, overlapSeconds },
    caller.hop,
  );
}
