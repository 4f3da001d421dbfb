// Two ways of speaking HTTP: REST as its public API does, and SCIM as identity providers do. The path tells which.

import { Fault, type FaultKind } from "@portcullis/chassis/fault";

export type Dialect = "rest" | "scim";

/** Below it everything is SCIM. */
export const scimRoot = "/scim/v2";

export function dialectOf(path: string): Dialect {
  return path.startsWith(`${scimRoot}/`) ? "scim" : "rest";
}

/** What an answer's body is said to be. */
export const mediaTypes = {
  rest: "application/json",
  scim: "application/scim+json",
} as const satisfies Record<Dialect, string>;

/** The words of RFC 7644, 3.12, that are in use. */
export type ScimType =
  | "invalidFilter"
  | "invalidPath"
  | "invalidSyntax"
  | "invalidValue"
  | "mutability"
  | "noTarget"
  | "tooMany"
  | "uniqueness";

/** A fault for which SCIM has a word of its own. */
export class ScimFault extends Fault {
  readonly scimType: ScimType;

  constructor(scimType: ScimType, message: string, kind: FaultKind = "invalid") {
    super(kind, message);
    this.scimType = scimType;
  }
}

/** A field with a value that it can't have. */
export function invalidValue(field: string, reason: string): ScimFault {
  return new ScimFault("invalidValue", `${field}: ${reason}`);
}
