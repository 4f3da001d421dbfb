import { CheckResponse, CheckStreamResponse } from "@portcullis/proto/decision/v1/decision";
import { expect, test } from "vitest";
import { ServedDecision } from "./served-decision.ts";

const encode = ServedDecision.checkStream.responseSerialize;
const decode = (bytes: Uint8Array) => CheckStreamResponse.decode(bytes);

test("answers that are written into the same memory stay as they were", () => {
  const answers = [
    { id: "1", allowed: true, revision: "r".repeat(300), holderId: "somebody", error: undefined },
    { id: "2", allowed: false, revision: "", error: { code: "UNAVAILABLE", message: "é".repeat(200) } },
    { id: "", allowed: false, revision: "r", error: undefined },
  ];
  const bytes = answers.map(encode);
  expect(bytes.map((one) => decode(one))).toEqual(answers);
  const plain = { allowed: true, revision: "r", holderId: undefined };
  expect(ServedDecision.check.responseSerialize(plain)).toEqual(
    Buffer.from(CheckResponse.encode(plain).finish()),
  );
});

test("nothing of an answer that could not be written comes before the next", () => {
  const broken = {
    id: "broken",
    allowed: true,
    get revision(): string {
      throw new Error("there is none");
    },
    error: undefined,
  };
  expect(() => encode(broken)).toThrow("there is none");
  const denied = { id: "3", allowed: false, revision: "r", error: undefined };
  expect(decode(encode(denied))).toEqual(denied);
});
