import { expect, test } from "vitest";
import { emailKey } from "./email-address.ts";

test("addresses are compared without regard to case", () => {
  expect(emailKey("Ada.Lovelace@Example.COM")).toBe("ada.lovelace@example.com");
});

test("no address that holds another sign than ASCII has is that of somebody whose address does not", () => {
  const somebody = "kim@example.com";
  for (let code = 0x80; code < 0x1_00_00; code++) {
    expect(emailKey(somebody.replace("k", String.fromCharCode(code)))).not.toBe(somebody);
  }
});
