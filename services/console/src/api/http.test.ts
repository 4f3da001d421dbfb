import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { create, post } from "./http.ts";

beforeEach(() => {
  vi.stubGlobal("fetch", async (path: string) =>
    Response.json({ id: "one" }, { headers: path.includes("taken") ? { "x-bt-found-existing": "true" } : {} }),
  );
});
afterEach(() => vi.unstubAllGlobals());

test("what has the name already is not taken for what was to be made", async () => {
  await expect(create("/v1/taken", {})).rejects.toMatchObject({ status: 409, field: "name" });
  await expect(create("/v1/free", {})).resolves.toEqual({ id: "one" });
  await expect(post("/v1/taken", {})).resolves.toEqual({ id: "one" });
});
