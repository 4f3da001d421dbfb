import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { memberCountQuery } from "./group-closure.ts";
import { groupNamesQuery } from "./groups.ts";
import { membersByIdQuery } from "./members-by-id.ts";
import { objectNamesQuery } from "./objects.ts";

afterEach(() => vi.unstubAllGlobals());

/** What a server takes as an address, well below the 16 KiB of Node. */
const addressMax = 8_000;
const ids = Array.from(
  { length: 1000 },
  (_, index) => `00000000-0000-4000-8000-${index.toString().padStart(12, "0")}`,
);

test("names are found however many are asked for at once", async () => {
  vi.stubGlobal("fetch", async (path: string) => {
    if (path.length > addressMax) return Response.json({ error: "too long" }, { status: 431 });
    const asked = new URL(path, "http://console.invalid").searchParams.getAll("ids");
    const nested = asked.length === 1 ? ids : [];
    return Response.json({
      objects: asked.map((id) => ({ id, name: id, email: null, member_users: [id], member_groups: nested })),
    });
  });
  const client = new QueryClient();
  expect((await client.query(groupNamesQuery(ids))).size).toBe(ids.length);
  expect((await client.query(membersByIdQuery(ids))).size).toBe(ids.length);
  const refs = ids.map((id) => ({ type: "role", id }) as const);
  expect((await client.query(objectNamesQuery(refs))).size).toBe(ids.length);
  expect(await client.query(memberCountQuery("one that holds them all"))).toBe(ids.length + 1);
});
