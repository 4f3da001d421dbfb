import type { CredentialSource } from "./mapping.ts";
import type { Headers } from "./request.ts";

const charactersMax = 512;

/** The credential that a request shows where it should; null: none, or more than one. */
export function shownCredential(source: CredentialSource, headers: Headers): string | null {
  const shown = "cookie" in source ? cookie(source.cookie, headers) : header(source, headers);
  return shown === null || shown === "" || shown.length > charactersMax ? null : shown;
}

function header({ header, scheme }: Exclude<CredentialSource, { cookie: string }>, headers: Headers) {
  const value = headers.get(header) ?? null;
  if (scheme === null) return value;
  return /^bearer +([^\s,]+)$/i.exec(value ?? "")?.[1] ?? null;
}

function cookie(name: string, headers: Headers): string | null {
  const [only, another] = cookiesOf(headers).filter((each) => each.name === name);
  return only === undefined || another !== undefined ? null : only.value;
}

/** The headers of a request without its credential: those to set instead, and those to remove. */
export function withoutCredential(
  source: CredentialSource,
  headers: Headers,
): { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] } {
  if (!("cookie" in source)) return { set: {}, remove: [source.header] };
  const others = cookiesOf(headers).filter(({ name }) => name !== source.cookie);
  if (others.length === 0) return { set: {}, remove: ["cookie"] };
  return { set: { cookie: others.map(({ text }) => text).join("; ") }, remove: [] };
}

function cookiesOf(headers: Headers) {
  return (headers.get("cookie") ?? "")
    .split(";")
    .map((each) => each.trim())
    .filter((text) => text !== "")
    .map((text) => {
      const [name = ""] = text.split("=", 1);
      return { text, name: name.trim(), value: text.slice(name.length + 1).trim() };
    });
}
