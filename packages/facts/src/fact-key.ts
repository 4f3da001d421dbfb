import { isUuid } from "@portcullis/chassis/fields";
import { type FactKey, isObjectType, type ObjectId, type OrgId, type PrincipalId } from "@portcullis/policy";

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
    case "parents":
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

/** The fact that a text of {@link factKeyText} names. Null: it names none that can be read again. */
export function factKeyFromText(org: OrgId, text: string): FactKey | null {
  const [kind = "", ...parts] = partsOf(text);
  const [first = "", second = ""] = parts;
  switch (kind) {
    case "member":
    case "memberships":
      return isUuid(first) ? { kind, org, principal: first as PrincipalId } : null;
    case "groups":
    case "roles":
      return { kind, org };
    case "access":
      return isObjectType(first) && isUuid(second)
        ? { kind, org, object: { type: first, id: second as ObjectId } }
        : null;
    default:
      return null;
  }
}

function partsOf(text: string): string[] {
  return text.split("|").map((piece, index) => (index === 0 ? piece : piece.slice(piece.indexOf(":") + 1)));
}

function part(text: string): string {
  return `|${text.length}:${text}`;
}
