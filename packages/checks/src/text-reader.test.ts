import { CheckRequest } from "@portcullis/proto/decision/v1/decision";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TextReader } from "./text-reader.ts";

test("whatever stands in a text, and whatever a message was made of, it is read as the library reads it", () => {
  const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  // A permission (field 4) of any bytes, which need not be a text at all.
  const anyPermission = anyBytes.map((bytes) =>
    Buffer.concat([Buffer.from([4 * 8 + 2, bytes.length]), bytes]),
  );
  const anyText = fc
    .string({ unit: "binary", maxLength: 100 })
    .map((permission) => Buffer.from(CheckRequest.encode(request(permission)).finish()));
  fc.assert(
    fc.property(fc.oneof(anyBytes, anyPermission, anyText), (bytes) => {
      expect(outcome(() => CheckRequest.decode(new TextReader(bytes)))).toEqual(
        outcome(() => CheckRequest.decode(bytes)),
      );
    }),
    { numRuns: 5000 },
  );
});

function request(permission: string): CheckRequest {
  return { orgId: "acme", who: undefined, permission, what: undefined, consistency: undefined };
}

function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (thrown) {
    return String(thrown);
  }
}
