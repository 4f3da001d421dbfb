import { describe, expect, test } from "vitest";
import { parseMapping, readMapping } from "./mapping.ts";

const rule = (more: string) => `rules: [{method: GET, path: /x/:id, ${more}}]`;
const asks = "permission: read, object: {type: experiment, id: {path: id}}";

test("what is left out has its usual meaning", () => {
  expect(parseMapping(rule(asks))).toEqual({
    credential: { header: "authorization", scheme: "bearer" },
    forward_credential: false,
    rules: [
      {
        methods: ["GET"],
        path: "/x/:id",
        headers: {},
        needs: {
          permission: "read",
          what: { kind: "object", object: { type: "experiment", id: { path: "id" } } },
          credential: null,
        },
      },
    ],
  });
});

test("it may as well be JSON", () => {
  const written = { rules: [{ method: ["GET", "HEAD"], path: "/health", public: true }] };
  expect(parseMapping(JSON.stringify(written)).rules).toEqual([
    { methods: ["GET", "HEAD"], path: "/health", headers: {}, needs: null },
  ]);
});

describe("a mapping that is wrong is one error that names where", () => {
  const wrong: Readonly<Record<string, string>> = {
    "": "the mapping: must be a mapping",
    "[]": "the mapping: must be a mapping",
    "rules: [": "the mapping: line 1:",
    "rules: []": "rules:",
    "{}": "rules: must be a list",
    "rules: [7]": "rules[0]: must be a mapping",
    [`${rule(asks)}\nallow: true`]: "allow: is no known key",
    [rule(`${asks}, effect: allow`)]: "rules[0].effect: is no known key",
    [rule("")]: "rules[0].permission: is required, or public: true",
    [rule("permission: own, object: {type: experiment, id: {path: id}}")]:
      "rules[0].permission: must be one of create,",
    [rule("permission: read")]: "rules[0].object: is required, or place",
    [rule("permission: read, object: {type: spaceship, id: {path: id}}")]:
      "rules[0].object.type: must be one of",
    [rule("permission: read, object: {type: experiment}")]: "rules[0].object.id: must be {path: PARAMETER}",
    [rule("permission: read, object: {type: experiment, id: first}")]:
      "rules[0].object.id: must be {path: PARAMETER}",
    [rule("permission: read, object: {type: experiment, id: {path: ID}}")]:
      "rules[0].object: takes its id from `ID`",
    [rule("permission: create, place: {type: dataset, parent: {type: project, id: {path: p}}}")]:
      "rules[0].place: takes its id from `p`",
    [rule(`${asks}, place: {type: dataset, parent: {type: project, id: {path: id}}}`)]:
      "rules[0].object: is required, or place, and not both",
    [rule("public: true, permission: read")]: "rules[0].permission: can't stand beside public",
    [rule("public: true, credential: bearer")]: "rules[0].credential: can't stand beside public",
    [rule("public: false")]: "rules[0].public: must be one of true",
    [rule("public: yes")]: "rules[0].public: must be one of true",
    [rule(`${asks}, credential: basic`)]: "rules[0].credential: must be bearer,",
    [rule(`${asks}, credential: {header: X-Key}`)]:
      "rules[0].credential.header: must be the name of a header, in lower case",
    [rule(`${asks}, credential: {header: x-portcullis-principal}`)]:
      "rules[0].credential.header: must not begin with x-portcullis-",
    [rule(`${asks}, credential: {cookie: "a b"}`)]:
      "rules[0].credential.cookie: must be the name of a cookie",
    [rule(`${asks}, headers: {X-Mode: a}`)]: "rules[0].headers.X-Mode: must be the name of a header",
    [rule(`${asks}, headers: {x-portcullis-mode: a}`)]:
      "rules[0].headers.x-portcullis-mode: must not begin with",
    [rule(`${asks}, headers: {x-mode: "a,b"}`)]: "rules[0].headers.x-mode: must be one plain value",
    "rules: [{path: /x, public: true}]": "rules[0].method: must be a method",
    "rules: [{method: get, path: /x, public: true}]": "rules[0].method: must be a method",
    "rules: [{method: [], path: /x, public: true}]": "rules[0].method: must be a method",
    "rules: [{method: GET, public: true}]": "rules[0].path: must be a text",
    "rules: [{method: GET, path: x, public: true}]": "rules[0].path: must begin with a slash",
    "rules: [{method: GET, path: /a%20b, public: true}]":
      "rules[0].path: must begin with a slash, be decoded",
    "rules: [{method: GET, path: '/x?y', public: true}]": "rules[0].path: must begin with a slash",
    "rules: [{method: GET, path: '/x/(a|b)', public: true}]": "rules[0].path: is no pattern",
    "rules: [{method: GET, path: '/x/:', public: true}]": "rules[0].path: is no pattern",
    "rules: [{method: GET, path: '/x/:id/y/:id', public: true}]":
      "rules[0].path: has the parameter `id` twice",
    "rules: [{method: GET, path: '/x/*all', permission: read, object: {type: experiment, id: {path: all}}}]":
      "rules[0].object: takes its id from `all`",
  };
  test.each(Object.entries(wrong))("%s", (text, reason) => {
    expect(() => parseMapping(text)).toThrow(reason);
  });

  test("and the file", () => {
    expect(() => readMapping("/nowhere/mapping.yaml")).toThrow(
      "bad configuration: PORTCULLIS_ENVOY_MAPPING_FILE: /nowhere/mapping.yaml: can't be read",
    );
  });
});
