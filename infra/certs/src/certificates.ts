// An authority and certificates for a trial: who runs Portcullis for others has an authority already.

import { generate } from "selfsigned";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const year = 365 * 24 * 60 * 60 * 1000;
const ec = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;

const here = [
  { type: 2, value: "localhost" },
  { type: 7, ip: "127.0.0.1" },
] as const;

export async function makeAuthority(name = "Portcullis development authority"): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    ...ec,
    notAfterDate: new Date(Date.now() + year),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert, key };
}

export interface Wanted {
  /** As `groups`: it goes into the URI `spiffe://portcullis.local/portcullis/<service>`, by which services know each other. */
  readonly service: string;
  /** Names under which the service is reached, beside its own and this machine's. */
  readonly hosts?: readonly string[];
  /** Whether it is reached on this machine, too; it is, if nothing is said. */
  readonly isLocal?: boolean;
  readonly notAfter?: Date;
}

/** A certificate for one service, which it shows as a server and as a client. */
export async function makeCertificate(
  authority: Pair,
  { service, hosts = [], isLocal = true, notAfter }: Wanted,
): Promise<Pair> {
  const { cert, private: key } = await generate([{ name: "commonName", value: service }], {
    ...ec,
    ca: authority,
    notBeforeDate: new Date(Math.min(Date.now(), notAfter?.getTime() ?? Date.now()) - 60_000),
    notAfterDate: notAfter ?? new Date(Date.now() + year),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 6, value: `spiffe://portcullis.local/portcullis/${service}` },
          ...[service, ...hosts].map((value) => ({ type: 2, value }) as const),
          ...(isLocal ? here : []),
        ],
      },
    ],
  });
  return { cert, key };
}
