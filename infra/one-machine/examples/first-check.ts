// npm run -s exec -- node --env-file=.portcullis/demo.env infra/one-machine/examples/first-check.ts
import { credentials, Metadata } from "@grpc/grpc-js";
import { DecisionClient } from "@portcullis/proto/decision/v1/decision";

const setting = (name: string): string => process.env[name] ?? "";

const decision = new DecisionClient(setting("PORTCULLIS_DECISION_ADDRESS"), credentials.createInsecure());
const metadata = new Metadata();
metadata.set("authorization", `Bearer ${setting("PORTCULLIS_SERVICE_TOKEN")}`);

decision.check(
  {
    orgId: setting("PORTCULLIS_ORG_ID"),
    who: { $case: "principalId", value: setting("PORTCULLIS_DEMO_READER_ID") },
    permission: "read",
    what: { $case: "object", value: { type: "experiment", id: setting("PORTCULLIS_DEMO_EXPERIMENT_ID") } },
    consistency: undefined,
  },
  metadata,
  { deadline: Date.now() + 1000 },
  (error, answer) => {
    // No answer is no permission: whatever goes wrong, the caller must treat it as denied.
    console.log(error ? `denied, because ${error.message}` : answer.allowed ? "allowed" : "denied");
    decision.close();
  },
);
