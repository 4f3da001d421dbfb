// The headers by which what is behind Envoy learns who asks. Nobody else's are let through.

const prefix = "x-portcullis-";

export const ourHeaders = {
  principal: "x-portcullis-principal",
  organization: "x-portcullis-organization",
  revision: "x-portcullis-revision",
} as const;

/** By which servers may be told of another method or path than the one that is decided about. */
const overrides = [
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
] as const;

export function isOurs(name: string): boolean {
  return asRead(name).startsWith(prefix);
}

/** Many servers take an underscore for a hyphen, and some whatever is neither letter nor digit. */
function asRead(name: string): string {
  return name.replace(/[^a-z0-9]/g, "-");
}

/** What a client may have sent and must not get through: also what Envoy did not show us. */
export function forgeable(names: Iterable<string>): Set<string> {
  return new Set([...Object.values(ourHeaders), ...overrides, ...[...names].filter(isForged)]);
}

function isForged(name: string): boolean {
  return isOurs(name) || (overrides as readonly string[]).includes(asRead(name));
}
