import { expect, test } from "vitest";
import { z } from "zod";
import {
  address,
  ConfigurationError,
  fileOfSetting,
  milliseconds,
  peerAddress,
  processConfig,
  readConfig,
} from "./config.ts";

const schema = z.object({ ...processConfig, PORTCULLIS_MAX_STALENESS_MS: milliseconds.default(2000) });
const good = { PORTCULLIS_LISTEN: "127.0.0.1:50051", PORTCULLIS_SERVICE_CREDENTIAL: "c".repeat(32) };

test("reads what is given and fills in what is not; empty is not given", () => {
  expect(readConfig(schema, { ...good, PORTCULLIS_LOG_LEVEL: "", UNRELATED: "x" })).toEqual({
    ...good,
    PORTCULLIS_LOG_LEVEL: "info",
    PORTCULLIS_MAX_STALENESS_MS: 2000,
  });
});

test("names everything that is wrong in one line, and shows no secret", () => {
  const read = () =>
    readConfig(schema, {
      PORTCULLIS_SERVICE_CREDENTIAL: "short secret",
      PORTCULLIS_MAX_STALENESS_MS: "soon",
    });
  expect(read).toThrow(ConfigurationError);
  expect(read).toThrow(
    /^bad configuration: PORTCULLIS_LISTEN: is required; PORTCULLIS_SERVICE_CREDENTIAL: must have at least 32 characters; PORTCULLIS_MAX_STALENESS_MS: [^\n]+$/,
  );
  expect(read).not.toThrow("short secret");
});

test("what is said of two settings together is told as it stands, though one is not given", () => {
  const together = z
    .object({ PORTCULLIS_KEY: z.string().optional(), PORTCULLIS_KEY_FILE: z.string().optional() })
    .refine((given) => Object.keys(given).length === 1, {
      path: ["PORTCULLIS_KEY"],
      error: "is required, or PORTCULLIS_KEY_FILE",
    });
  expect(() => readConfig(together, {})).toThrow(
    /^bad configuration: PORTCULLIS_KEY: is required, or PORTCULLIS_KEY_FILE$/,
  );
});

test("a file that can't be read is told with the setting that names it", () => {
  expect(() => fileOfSetting("PORTCULLIS_KEY_FILE", "/nowhere/key")).toThrow(
    /^bad configuration: PORTCULLIS_KEY_FILE: \/nowhere\/key can't be read: ENOENT$/,
  );
});

test.each(["127.0.0.1:0", "[::1]:50051", "localhost:80", "unix:/run/portcullis.sock"])(
  "%s is an address",
  (value) => {
    expect(address.safeParse(value).success).toBe(true);
  },
);

test.each(["", "localhost", ":80", "http://localhost:80", "unix:relative", "host:port"])(
  "`%s` is no address",
  (value) => {
    expect(address.safeParse(value).success).toBe(false);
  },
);

test.each([
  "127.0.0.1:50051",
  "groups.portcullis.svc:50051",
  "unix:/run/portcullis.sock",
  "dns:///groups.portcullis.svc:50051",
  "ipv4:10.0.0.1:50051,10.0.0.2:50051",
  "ipv6:[fd00::1]:50051,[fd00::2]:50052",
])("at %s another service may be", (value) => {
  expect(peerAddress.safeParse(value).success).toBe(true);
});

test.each([
  "localhost",
  "one:1,two:2",
  "ipv4:one:1,two:2",
  "ipv4:10.0.0.1",
  "ipv4:10.0.0.1:1,",
  "ipv6:fd00::1:1",
  "dns:///one",
  "dns:one",
  "http://localhost:80",
])("at `%s` no other service can be", (value) => {
  expect(peerAddress.safeParse(value).success).toBe(false);
});
