// What Envoy says of a request, as decisions take it.

import type { AttributeContext_HttpRequest } from "@portcullis/proto/envoy/service/auth/v3/attribute_context";
import { pathOf } from "./path.ts";

export interface Asked {
  /** As it was sent: whatever a header says instead is not what is done. */
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly headers: Headers;
}

/** By lower-case name; what was sent more than once is one text with commas. */
export type Headers = ReadonlyMap<string, string>;

/** Servers may take `get` for GET. */
const plainMethod = /^[A-Z][A-Z-]{0,31}$/;

/** Null: servers could read the request in more than one way. */
export function askedOf(request: AttributeContext_HttpRequest): Asked | null {
  const path = pathOf(request.path);
  if (path === null || !plainMethod.test(request.method)) return null;
  return { method: request.method, path, headers: headersOf(request) };
}

/** Envoy sends them in one of two forms, as its `encode_raw_headers` says. */
function headersOf({
  headers,
  headerMap,
}: Pick<AttributeContext_HttpRequest, "headers" | "headerMap">): Headers {
  const joined = new Map<string, string>();
  const add = (name: string, value: string): void => {
    const key = name.toLowerCase();
    const before = joined.get(key);
    joined.set(key, before === undefined ? value : `${before}${key === "cookie" ? "; " : ","}${value}`);
  };
  for (const [name, value] of Object.entries(headers)) add(name, value);
  for (const { key, value, rawValue } of headerMap?.headers ?? []) {
    add(key, rawValue.length > 0 ? rawValue.toString() : value);
  }
  return joined;
}
