// `npm run -s certs -- FOLDER [HOST...]`: an authority, and a certificate for each service, for a trial.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeAuthority, makeCertificate } from "./certificates.ts";

const services = ["identity", "groups", "grants", "tokens", "decision", "admin", "sidecar"];

const [folder, ...hosts] = process.argv.slice(2);
if (folder === undefined || folder.startsWith("-")) {
  process.stderr.write("certs: npm run -s certs -- FOLDER [HOST...]\n");
  process.exitCode = 2;
} else {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authority = await makeAuthority();
  await writeFile(join(folder, "ca.pem"), authority.cert);
  for (const service of services) {
    const { cert, key } = await makeCertificate(authority, { service, hosts });
    await writeFile(join(folder, `${service}.pem`), cert);
    await writeFile(join(folder, `${service}-key.pem`), key, { mode: 0o600 });
  }
  process.stdout.write(`ca.pem and a certificate and key for each of ${services.join(", ")}, in ${folder}\n`);
}
