// Ids say what they identify: mixing two kinds does not compile. All are lower-case UUIDs, but for CredentialDigest.

declare const kind: unique symbol;
type Id<Kind extends string> = string & { readonly [kind]: Kind };

export type OrgId = Id<"organization">;
/** A user or a service account; both live in one id space. */
export type PrincipalId = Id<"principal">;
export type GroupId = Id<"group">;
export type RoleId = Id<"role">;
export type AclId = Id<"acl">;
/** An object's own id; means something only together with its type. */
export type ObjectId = Id<"object">;
export type CredentialId = Id<"credential">;
/** SHA-256 of a credential's secret, in lower-case hex. */
export type CredentialDigest = Id<"credential digest">;
