import { readConfig } from "@portcullis/chassis/config";
import { expect, test } from "vitest";
import { config } from "./config.ts";

const good = {
  PORTCULLIS_LISTEN: "unix:/run/portcullis/sidecar.sock",
  PORTCULLIS_DECISION_ADDRESS: "127.0.0.1:50051",
  PORTCULLIS_SERVICE_TOKEN: "bt-st-1",
};
const far = { ...good, PORTCULLIS_DECISION_ADDRESS: "decision.example:50051" };

test("whoever leaves this machine names whom to trust there", () => {
  expect(() => readConfig(config, far)).toThrow(/^[^;]*PORTCULLIS_DECISION_ADDRESS: is not on this machine/);
  expect(() => readConfig(config, far)).toThrow("set PORTCULLIS_TLS_CA_FILE");
  expect(readConfig(config, { ...far, PORTCULLIS_TLS_CA_FILE: "/ca.pem" })).toMatchObject(far);
});

test.each([
  ["neither", { ...good, PORTCULLIS_SERVICE_TOKEN: "" }],
  ["both", { ...good, PORTCULLIS_SERVICE_TOKEN_FILE: "/token" }],
])("the token is given in one way: %s is refused, and both are named", (_case, given) => {
  expect(() => readConfig(config, given)).toThrow(
    "PORTCULLIS_SERVICE_TOKEN: is required, or PORTCULLIS_SERVICE_TOKEN_FILE, and not both",
  );
});

test.each(["PORTCULLIS_LISTEN", "PORTCULLIS_LISTEN_LOOPBACK", "PORTCULLIS_HTTP_LISTEN"])(
  "%s is where nobody but this machine can connect",
  (key) => {
    expect(() => readConfig(config, { ...good, [key]: "0.0.0.0:50061" })).toThrow(
      `${key}: must be a unix socket or loopback`,
    );
  },
);
