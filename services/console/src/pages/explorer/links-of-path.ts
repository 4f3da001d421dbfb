// A way from somebody to an object as a chain: what stands there, and what joins it to what stood before.

import type { Permission } from "@portcullis/policy";
import type { Explanation, GrantPath, MissingStep, Named } from "../../api/access.ts";
import { permissionNames, typePlurals } from "../../permissions/words.ts";
import { called, givenBy } from "./path-text.ts";

export interface PathLink {
  /** What joins it to the one before; empty at the beginning. */
  readonly by: string;
  readonly node: string;
  readonly kind: "principal" | "group" | "object";
  /** Whether the way breaks here, and so leads no further. */
  readonly broken?: boolean;
}

/** A way that allows. */
export function linksOfPath(
  principal: Named,
  { acl, groups, roles, objects }: GrantPath,
): readonly PathLink[] {
  const [direct, ...nested] = groups;
  const inherited = roles.slice(1).map((role) => ` → ${called(role)}`);
  const [on, ...below] = objects.toReversed();
  return [
    { by: "", node: called(principal), kind: "principal" },
    ...(direct === undefined ? [] : [{ by: "is in", node: called(direct), kind: "group" as const }]),
    ...nested.map((group): PathLink => ({ by: "which is in", node: called(group), kind: "group" })),
    { by: `has ${givenBy(acl)}${inherited.join("")} on`, node: called(on ?? acl.on), kind: "object" },
    ...below.map((object): PathLink => ({ by: "which holds", node: called(object), kind: "object" })),
  ];
}

/** What came nearest, with the places where it breaks. */
export function linksOfMiss(
  principal: Named,
  { acl, missing }: Explanation["nearest"][number],
  permission: Permission,
  asked: Named,
): readonly PathLink[] {
  const start: PathLink = { by: "", node: called(principal), kind: "principal" };
  const step = (kind: string) => missing.find((one) => one.kind === kind);
  const membership = step("membership");
  const isMissing = membership !== undefined;
  const first: PathLink = isMissing ? { ...start, by: "no active member:", broken: true } : start;
  if (acl === null) {
    const gone = missing.find(({ kind }) => kind === "object" || kind === "place" || kind === "scope");
    if (gone === undefined) return [first];
    return [first, { by: wordsFor(gone, permission), node: called(asked), kind: "object", broken: true }];
  }
  const group = step("group");
  const toGroup: readonly PathLink[] =
    acl.subject.type === "group"
      ? [
          {
            by: group === undefined ? "is in" : "is not in",
            node: called(acl.subject),
            kind: "group",
            broken: group !== undefined,
          },
        ]
      : [];
  const lacking = missing.filter(({ kind }) => !["group", "membership"].includes(kind));
  const why = lacking.map((one) => wordsFor(one, permission));
  return [
    first,
    ...toGroup,
    {
      by: [`has ${givenBy(acl)} on`, ...why.map((reason) => `(${reason})`)].join(" "),
      node: called(acl.on),
      kind: "object",
      broken: lacking.length > 0,
    },
  ];
}

function wordsFor(step: MissingStep, permission: Permission): string {
  switch (step.kind) {
    case "in_force":
      return "but that has expired";
    case "object_type":
      return `but that is only for ${step.granted_types.map(plural).join(", ")}`;
    case "permission":
      return `but that does not give ${permissionNames[permission]}`;
    case "object":
    case "place":
      return "is not there:";
    case "scope":
      return "is beyond what the key may be used for:";
    default:
      return step.kind;
  }
}

function plural(type: string): string {
  return (typePlurals as Readonly<Record<string, string>>)[type]?.toLowerCase() ?? type;
}
