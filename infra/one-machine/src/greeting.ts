import type { DemoEnv } from "./demo-env.ts";
import { stateFromCheckout } from "./state-folder.ts";

/** What a person reads when everything runs: where it is, the keys to it, and two first calls to paste. */
export function greeting(demo: DemoEnv): string {
  const question = JSON.stringify({
    org_id: demo.orgId,
    principal_id: demo.readerId,
    permission: "read",
    object: { type: "experiment", id: demo.experimentId },
  });
  return `
Portcullis runs.

  console            ${demo.adminUrl}/console/ (sign in with the Owner's API key)
  REST facade        ${demo.adminUrl}
  Owner's API key    ${demo.ownerKey}
  decision service   ${demo.decisionAddress} (gRPC)
  service token      ${demo.serviceToken}
  organisation       ${demo.orgName}, ${demo.orgId}

The same values, and a Viewer's key, stand in ${stateFromCheckout}/demo.env; logs are in ${stateFromCheckout}/logs.

A first REST call, the organisation's groups:

  curl -s -H "Authorization: Bearer ${demo.ownerKey}" ${demo.adminUrl}/v1/group

A first Check, whether a member may read an experiment:

  npm run -s check -- ${demo.readerId} read experiment:${demo.experimentId}

or, with grpcurl:

  grpcurl -plaintext -H "authorization: Bearer ${demo.serviceToken}" \\
    -d '${question}' \\
    ${demo.decisionAddress} portcullis.decision.v1.Decision/Check

Ctrl-C stops everything. npm start brings it back with its data; npm start -- --reset begins anew.
`;
}
