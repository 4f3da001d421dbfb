// Members as the console shows them: by one name, whoever they are.

import type { Principal } from "@portcullis/proto/identity/v1/identity";
import { z } from "zod";

export const person = z.object({
  id: z.uuid(),
  kind: z.enum(["user", "service_account"]),
  name: z.string().nullable(),
  email: z.string().nullable(),
});

export function showPerson(message: Principal): z.infer<typeof person> {
  const { id, kind, givenName = "", familyName = "", email } = message;
  const name = `${givenName} ${familyName}`.trim();
  return {
    id,
    kind: kind === "service_account" ? "service_account" : "user",
    name: name === "" ? null : name,
    email: email ?? null,
  };
}
