// Reads a story: a few lists of sentences.

import { type BuiltInGroup, builtInGroups, type PrincipalKind } from "../src/index.ts";
import type { Door, NamedGroup, NamedPrincipal, Scenario, Step } from "./scenarios.ts";
import { readAcl, readChange, readExpectations, readNewObject, readRole } from "./sentences.ts";

export function readStory(file: string, yaml: unknown): Scenario {
  try {
    const story = readMap(yaml, [
      "story",
      "only",
      "members",
      "service accounts",
      "strangers",
      "groups",
      "roles",
      "objects",
      "grants",
      "expect",
      "then",
    ]);
    const only = readTexts(story.get("only")).map(readDoor);
    return {
      file,
      title: readText(story.get("story")),
      only: only.length === 0 ? null : only,
      principals: [
        ...readTexts(story.get("members")).map(principalOf("user")),
        ...readTexts(story.get("service accounts")).map(principalOf("service_account")),
      ],
      strangers: readTexts(story.get("strangers")),
      groups: readEntries(story.get("groups")).map(readGroup),
      roles: readEntries(story.get("roles")).map(([name, parts]) => readRole(name, parts)),
      objects: readTexts(story.get("objects")).map(readNewObject),
      acls: readTexts(story.get("grants")).map(readAcl),
      expectations: readTexts(story.get("expect")).flatMap(readExpectations),
      steps: readList(story.get("then")).map(readStep),
    };
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function readStep(yaml: unknown): Step {
  const step = readMap(yaml, ["do", "expect"]);
  return {
    changes: readTexts(step.get("do")).map(readChange),
    expectations: readTexts(step.get("expect")).flatMap(readExpectations),
  };
}

function readDoor(word: string): Door {
  if (word === "decide" || word === "grpc" || word === "rest") return word;
  throw new Error(`\`${word}\` is no door`);
}

function principalOf(kind: PrincipalKind): (name: string) => NamedPrincipal {
  return (name) => ({ name, kind });
}

/** `Search team: [ada, group Ranking]` */
function readGroup([name, members]: readonly [string, readonly string[]]): NamedGroup {
  const builtIn = Object.keys(builtInGroups) as BuiltInGroup[];
  return {
    name,
    builtIn: builtIn.find((one) => builtInGroups[one].name === name) ?? null,
    members: members.filter((member) => !member.startsWith("group ")),
    memberGroups: members.flatMap((member) => /^group (.+)$/.exec(member)?.[1] ?? []),
  };
}

function readMap(yaml: unknown, keys: readonly string[]): ReadonlyMap<string, unknown> {
  if (typeof yaml !== "object" || yaml === null || Array.isArray(yaml)) throw new Error("not a map of keys");
  for (const key of Object.keys(yaml)) {
    if (!keys.includes(key)) throw new Error(`\`${key}\` is no part of a story`);
  }
  return new Map(Object.entries(yaml));
}

function readEntries(yaml: unknown): readonly (readonly [string, readonly string[]])[] {
  if (yaml === undefined) return [];
  if (typeof yaml !== "object" || yaml === null) throw new Error("not a map of lists");
  return Object.entries(yaml).map(([name, list]) => [name, readTexts(list)]);
}

function readList(yaml: unknown): readonly unknown[] {
  if (yaml === undefined) return [];
  if (!Array.isArray(yaml)) throw new Error("not a list");
  return yaml;
}

function readTexts(yaml: unknown): readonly string[] {
  return readList(yaml).map(readText);
}

function readText(yaml: unknown): string {
  if (typeof yaml !== "string") throw new Error(`${JSON.stringify(yaml)} is no text`);
  return yaml;
}
