import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { askSession, create, type OwnSession, post, rememberSession, send } from "./http.ts";

const ada: OwnSession = { principal_id: "ada", org_id: "here", csrf_token: "ada's" };

/** What the browser's cookie stands for, and what was done by it. */
let signedIn: OwnSession;
let done: string[];

beforeEach(() => {
  signedIn = ada;
  done = [];
  rememberSession(ada);
  vi.stubGlobal("fetch", async (path: string, { method, headers }: RequestInit) => {
    if (method === "GET") return Response.json(signedIn);
    if (new Headers(headers).get("x-portcullis-csrf") !== signedIn.csrf_token) {
      return Response.json(
        { error: "not allowed", details: { field: "x-portcullis-csrf" } },
        { status: 403 },
      );
    }
    done.push(`${signedIn.principal_id} ${signedIn.org_id} ${method} ${path}`);
    return Response.json(
      { id: "one" },
      { headers: path.includes("taken") ? { "x-bt-found-existing": "true" } : {} },
    );
  });
});
afterEach(() => vi.unstubAllGlobals());

test("who signed in anew in another tab goes on here", async () => {
  signedIn = { ...ada, csrf_token: "ada's next" };
  await send("DELETE", "/v1/thing");
  expect(done).toEqual(["ada here DELETE /v1/thing"]);
});

test.each([
  ["somebody else", { ...ada, principal_id: "bob", csrf_token: "bob's" }],
  ["to another organization", { ...ada, org_id: "there", csrf_token: "ada's there" }],
])("a page does nothing in the name of who signed in as %s in another tab", async (_who, other) => {
  signedIn = other;
  await expect(send("DELETE", "/v1/thing")).rejects.toMatchObject({ status: 401 });
  await expect(askSession()).rejects.toMatchObject({ status: 401 });
  await expect(send("DELETE", "/v1/thing")).rejects.toMatchObject({ status: 401 });
  expect(done).toEqual([]);
});

test("once the pages of before are gone, those of the other session begin", async () => {
  signedIn = { ...ada, principal_id: "bob", csrf_token: "bob's" };
  rememberSession(null);
  await askSession();
  await send("DELETE", "/v1/thing");
  expect(done).toEqual(["bob here DELETE /v1/thing"]);
});

test("what has the name already is not taken for what was to be made", async () => {
  await expect(create("/v1/taken", {})).rejects.toMatchObject({ status: 409, field: "name" });
  await expect(create("/v1/free", {})).resolves.toEqual({ id: "one" });
  await expect(post("/v1/taken", {})).resolves.toEqual({ id: "one" });
});
