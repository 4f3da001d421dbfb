// Where Redis is, in one URL: one server, a Redis Cluster, or servers that Sentinels watch.

import { z } from "zod";

interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export type RedisAddress =
  | { readonly kind: "server"; readonly url: string }
  | {
      readonly kind: "cluster";
      /** Some of its servers; the others are learnt from these. */
      readonly nodes: readonly RedisNode[];
      readonly credentials: Credentials;
      readonly tls: boolean;
    }
  | {
      readonly kind: "sentinel";
      readonly sentinels: readonly RedisNode[];
      /** What the Sentinels call the servers. */
      readonly name: string;
      /** Of the servers, */
      readonly credentials: Credentials;
      /** and of the Sentinels, where they want one. */
      readonly sentinelPassword: string | null;
      readonly tls: boolean;
    };

const forms =
  "must be redis://host:port, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/master-name";

/** A Redis, in any of the forms; with `rediss` for TLS. */
export const redisUrl = z.string().refine((text) => parseRedisAddress(text) !== null, forms);

const severalServers =
  /^(?<scheme>rediss?)\+(?<kind>cluster|sentinel):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<nodes>[^@/?#]+)(?:\/(?<name>[^/?#]*))?(?:\?sentinel-password=(?<sentinelPassword>[^&#]+))?$/;

/** Null: the text has none of the forms. */
export function parseRedisAddress(text: string): RedisAddress | null {
  const found = severalServers.exec(text)?.groups;
  if (found === undefined) return isServerUrl(text) ? { kind: "server", url: text } : null;
  const nodes = nodesOf(found["nodes"] ?? "");
  const credentials = credentialsOf(found["user"], found["password"]);
  const sentinelPassword = decoded(found["sentinelPassword"] ?? "");
  if (nodes === null || credentials === null || sentinelPassword === null) return null;
  const tls = found["scheme"] === "rediss";
  const name = found["name"] ?? "";
  if (found["kind"] === "cluster") {
    return name === "" && sentinelPassword === "" ? { kind: "cluster", nodes, credentials, tls } : null;
  }
  if (name === "") return null;
  return {
    kind: "sentinel",
    sentinels: nodes,
    name,
    credentials,
    sentinelPassword: sentinelPassword || null,
    tls,
  };
}

function isServerUrl(text: string): boolean {
  return URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol);
}

const nodeForm = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]\s]+)):(?<port>\d{1,5})$/;

function nodesOf(text: string): RedisNode[] | null {
  const nodes: RedisNode[] = [];
  for (const part of text.split(",")) {
    const found = nodeForm.exec(part)?.groups;
    const port = Number(found?.["port"]);
    if (found === undefined || port < 1 || port > 65_535) return null;
    nodes.push({ host: found["ipv6"] ?? found["host"] ?? "", port });
  }
  return nodes;
}

function credentialsOf(user = "", password = ""): Credentials | null {
  const [username, secret] = [decoded(user), decoded(password)];
  if (username === null || secret === null) return null;
  return { ...(username !== "" && { username }), ...(secret !== "" && { password: secret }) };
}

/** As they may hold what a URL may not. Null: badly encoded. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
