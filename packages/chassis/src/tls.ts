// Protected connections: who we are and whom we trust, as files that may be replaced while the process runs.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { type ChannelCredentials, credentials, experimental, ServerCredentials } from "@grpc/grpc-js";
import { z } from "zod";
import { ConfigurationError, fileOfSetting } from "./config.ts";

/** How soon a file that was replaced is used for new connections. */
const refreshMs = 10_000;

const fileNames = ["PORTCULLIS_TLS_CERT_FILE", "PORTCULLIS_TLS_KEY_FILE", "PORTCULLIS_TLS_CA_FILE"] as const;
const file = z.string().optional();

/** What every process reads that serves or asks others; all three, or none. In PEM. */
export const tlsConfig = {
  /** Our certificate, and those between it and the authority. */
  PORTCULLIS_TLS_CERT_FILE: file,
  PORTCULLIS_TLS_KEY_FILE: file,
  /** The authorities that we trust, for servers and for clients. */
  PORTCULLIS_TLS_CA_FILE: file,
} as const satisfies Record<(typeof fileNames)[number], unknown>;

/** The files that are named. */
type TlsConfig = Readonly<Partial<Record<keyof typeof tlsConfig, string | undefined>>>;

/** The files in use, and what grpc-js makes of them. */
export interface Tls {
  readonly files: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly provider: experimental.CertificateProvider;
}

/** Null: connections are not protected. Throws when some of the files are missing, or are not what the service needs. */
export function tlsOf(config: TlsConfig, service: string, refreshIntervalMs = refreshMs): Tls | null {
  const [cert, key, ca] = fileNames.map((name) => config[name]);
  if (cert === undefined && key === undefined && ca === undefined) return null;
  if (cert === undefined || key === undefined || ca === undefined) {
    const missing = fileNames.filter((name) => config[name] === undefined);
    throw new ConfigurationError(
      `bad configuration: ${missing.join(", ")}: required, as some of the files are given`,
    );
  }
  // With others nobody could connect, and the process would look well.
  const certificate = certificateOfSetting("PORTCULLIS_TLS_CERT_FILE", cert);
  const privateKey = inPem("PORTCULLIS_TLS_KEY_FILE", key, "key", createPrivateKey);
  certificateOfSetting("PORTCULLIS_TLS_CA_FILE", ca);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigurationError(
      "bad configuration: PORTCULLIS_TLS_KEY_FILE: is not the key of PORTCULLIS_TLS_CERT_FILE",
    );
  }
  if (serviceOf({ subjectaltname: certificate.subjectAltName }) !== service) {
    throw new ConfigurationError(
      "bad configuration: PORTCULLIS_TLS_CERT_FILE: must name its service, and no other, " +
        `by the URI spiffe://<anything>/portcullis/${service}`,
    );
  }
  const provider = new experimental.FileWatcherCertificateProvider({
    certificateFile: cert,
    privateKeyFile: key,
    caCertificateFile: ca,
    refreshIntervalMs,
  });
  return { files: { cert, key, ca }, provider };
}

/**
 * What a server shows. Of callers `all` must have a certificate of a trusted authority; else they may, and are nobody's
 * service without one.
 */
export function serverCredentials(
  tls: Tls | null,
  callersWithCertificate: "all" | "some",
): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const { provider } = tls;
  return experimental.createCertificateProviderServerCredentials(
    provider,
    provider,
    callersWithCertificate === "all",
  );
}

/** What a client shows, and whom it believes. `authority` alone: it shows nothing. */
export function channelCredentials(tls: Tls | null, authority?: Buffer): ChannelCredentials {
  if (tls !== null)
    return experimental.createCertificateProviderChannelCredentials(tls.provider, tls.provider);
  return authority === undefined ? credentials.createInsecure() : credentials.createSsl(authority);
}

/** The authorities in the file that a setting names; what is no certificate would be passed over, and nobody believed. */
export function authorityOfSetting(setting: string, path: string): Buffer {
  certificateOfSetting(setting, path);
  return fileOfSetting(setting, path);
}

function certificateOfSetting(setting: string, path: string): X509Certificate {
  return inPem(setting, path, "certificate", (pem) => new X509Certificate(pem));
}

function inPem<Thing>(setting: string, path: string, thing: string, parse: (pem: string) => Thing): Thing {
  const pem = fileOfSetting(setting, path).toString();
  try {
    return parse(pem);
  } catch {
    throw new ConfigurationError(`bad configuration: ${setting}: ${path} holds no ${thing} in PEM`);
  }
}

/** Whether an address (`host:port` or `unix:/path`) can be reached from this machine alone. */
export function isOnThisMachine(address: string): boolean {
  return /^(unix:|127\.\d+\.\d+\.\d+:|\[::1\]:|localhost:)/.test(address);
}

/** Whether all addresses at which another service may be can be. */
export function arePeersOnThisMachine(address: string): boolean {
  const all = address.replace(/^(ipv[46]:|dns:\/\/\/)/, "").split(",");
  return all.every(isOnThisMachine);
}

/** Throws where others could listen to what is said. */
export function refuseUnprotected(setting: string, address: string, isProtected: boolean): void {
  if (isProtected || arePeersOnThisMachine(address)) return;
  throw new ConfigurationError(
    `bad configuration: ${setting}: ${address} is not on this machine alone, and connections are not protected: ` +
      `set ${fileNames.join(", ")}`,
  );
}

const serviceName = /^URI:spiffe:\/\/[^,\s]*\/portcullis\/([a-z-]+)$/;

/** The service that a verified certificate belongs to, by its URI `spiffe://.../portcullis/<service>`. Null: to none of ours. */
export function serviceOf(
  certificate: { readonly subjectaltname?: string | undefined } | undefined,
): string | null {
  const names = certificate?.subjectaltname ?? "";
  // Names that hold separators are quoted, and what looks like a name in one is none.
  if (names.includes('"')) return null;
  const services = names.split(", ").flatMap((name) => serviceName.exec(name)?.[1] ?? []);
  return services.length === 1 ? (services[0] ?? null) : null;
}
