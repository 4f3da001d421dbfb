import { readFile } from "node:fs/promises";
import { ConfigurationError, fileOfSetting } from "@portcullis/chassis/config";
import type { Log } from "@portcullis/chassis/log";
import { parseCredential } from "@portcullis/credential";
import type { OrgId } from "@portcullis/policy";
import type { Config } from "./config.ts";

const readAgainMs = 10_000;

/** The token that a sidecar shows to its upstream. */
export interface ServiceToken extends Disposable {
  readonly org: OrgId;
  readonly current: () => string;
}

/** Reads the token, and goes on reading the file, as a token is rotated while the application runs. */
export function serviceToken(config: Config, log: Log): ServiceToken {
  const { PORTCULLIS_SERVICE_TOKEN: given, PORTCULLIS_SERVICE_TOKEN_FILE: file } = config;
  if (file === undefined) {
    const token = given ?? "";
    return {
      org: orgOf(token, "PORTCULLIS_SERVICE_TOKEN"),
      current: () => token,
      [Symbol.dispose]: () => {},
    };
  }
  let token = fileOfSetting("PORTCULLIS_SERVICE_TOKEN_FILE", file).toString().trim();
  const org = orgOf(token, "PORTCULLIS_SERVICE_TOKEN_FILE");
  const readAgain = async () => {
    const read = (await readFile(file, "utf8")).trim();
    if (read === token) return;
    if (parseCredential(read)?.org !== org)
      throw new Error("it holds no service token of the same organization");
    token = read;
    log.info({}, "the service token has changed");
  };
  const timer = setInterval(() => {
    readAgain().catch((error: unknown) => {
      log.warn({ reason: String(error) }, "the service token file can't be used; the token before is shown");
    });
  }, readAgainMs);
  timer.unref();
  return { org, current: () => token, [Symbol.dispose]: () => clearInterval(timer) };
}

function orgOf(token: string, name: string): OrgId {
  const parsed = parseCredential(token);
  if (parsed === null || parsed.kind !== "service_token") {
    throw new ConfigurationError(`bad configuration: ${name}: is no service token`);
  }
  return parsed.org;
}
