import type { FactKey } from "@portcullis/policy";

/**
 * A fact's name as text: its kind, then each part with its length before it, so that two facts can't have the same
 * whatever their ids hold. The organisation is not in it: facts are kept per organisation.
 */
export function factKeyText(key: FactKey): string {
  switch (key.kind) {
    case "member":
    case "memberships":
      return key.kind + part(key.principal);
    case "groups":
    case "roles":
      return key.kind;
    case "access":
    case "acls":
      return key.kind + part(key.object.type) + part(key.object.id);
    case "acls_naming":
      return (
        key.kind + part(key.object.type) + part(key.object.id) + part(key.subject.kind) + part(key.subject.id)
      );
    case "credential":
      return key.kind + part(key.digest);
  }
}

function part(text: string): string {
  return `|${text.length}:${text}`;
}
