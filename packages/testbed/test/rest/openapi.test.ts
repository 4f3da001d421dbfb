import { describeApi } from "@portcullis/admin-service/openapi";
import { allOpenRoutes, allRoutes } from "@portcullis/admin-service/routes";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { publicDescription } from "./contract.ts";
import { compareApis } from "./openapi-comparison.ts";
import { explained } from "./openapi-differences.ts";

const nothing = undefined as never;
const owners = { identity: nothing, groups: nothing, grants: nothing, tokens: nothing };
const ours = describeApi(
  {
    routes: allRoutes({ owners, logs: nothing, decision: nothing, access: nothing }),
    openRoutes: allOpenRoutes({ owners, decision: nothing, limits: nothing, signOn: null }),
  },
  "0.0.0",
);

test("every difference from the public API's description is explained, and every explanation needed", () => {
  const differences = compareApis(publicDescription, ours);
  const unexplained = differences.filter((found) => !explained.some(({ at }) => at.test(found)));
  expect(unexplained).toEqual([]);
  const needless = explained.filter(({ at }) => !differences.some((found) => at.test(found)));
  expect(needless).toEqual([]);
});

test("it is a description by the rules of OpenAPI 3.1", async () => {
  expect(await new Validator().validate(structuredClone(ours))).toMatchObject({ valid: true });
});

test("operations have names of their own", () => {
  const operations = Object.values(ours["paths"] as Record<string, Record<string, { operationId: string }>>)
    .flatMap((path) => Object.values(path))
    .map(({ operationId }) => operationId);
  expect(new Set(operations).size).toBe(operations.length);
});

test("a change of meaning is found", () => {
  const description = (schema: object, query: object, answer: object) => ({
    paths: {
      "/v1/x": {
        post: {
          parameters: [{ name: "q", in: "query", schema: query }],
          requestBody: { content: { "application/json": { schema } } },
          responses: { "200": { content: { "application/json": { schema: answer } } } },
        },
      },
    },
  });
  const text = { type: "string" };
  const body = (properties: object, required: string[] = []) => ({ type: "object", properties, required });
  const theirs = description(
    body({ a: text, b: { type: "string", nullable: true }, c: { type: "string", enum: ["x", "y"] } }),
    { type: "integer" },
    body({ id: text }),
  );
  expect(compareApis(theirs, theirs)).toEqual([]);
  const closed = { ...body({ a: { type: "integer" }, b: text, c: { type: "string", enum: ["x"] } }, ["a"]) };
  expect(
    compareApis(
      theirs,
      description({ ...closed, additionalProperties: false }, text, body({ id: { type: "integer" } })),
    ),
  ).toEqual([
    "POST /v1/x query.q: takes string, not integer",
    "POST /v1/x body.a: is required",
    "POST /v1/x body.a: takes integer, not string",
    "POST /v1/x body.b: takes string, not null",
    "POST /v1/x body.c: does not take y",
    "POST /v1/x answer.id: may be integer, not string",
  ]);
  const less = description({ ...body({}), additionalProperties: false }, text, body({ name: text }));
  expect(compareApis(theirs, less)).toEqual([
    "POST /v1/x query.q: takes string, not integer",
    "POST /v1/x body.a: is not known",
    "POST /v1/x body.b: is not known",
    "POST /v1/x body.c: is not known",
    "POST /v1/x answer.id: is missing",
  ]);
  expect(compareApis(theirs, { paths: {} })).toEqual(["POST /v1/x: is missing"]);
});
