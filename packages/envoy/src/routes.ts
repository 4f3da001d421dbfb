// Which rule a request falls under.

import { type MatchFunction, match, type ParamData } from "path-to-regexp";
import type { Rule } from "./mapping.ts";
import type { Asked } from "./request.ts";

interface Found {
  readonly rule: Rule;
  readonly parameters: ParamData;
}

/** The first rule that a request falls under; null: none, so it is denied. `ambiguous`: that depends on who reads it. */
export type FindRule = (asked: Asked) => Found | "ambiguous" | null;

export function routesOf(rules: readonly Rule[]): FindRule {
  const routes = rules.map(routeOf);
  return (asked) => {
    for (const { rule, isNear, matches } of routes) {
      if (!isOneOf(rule.methods, asked.method) || isNear(asked.path) === false) continue;
      const meets = meetsConditions(rule, asked);
      if (meets === "ambiguous") return meets;
      if (!meets) continue;
      const found = matches(asked.path);
      // Some servers take what differs in case alone, or in a slash at the end, for the same: no later rule may be tried.
      return found === false ? "ambiguous" : { rule, parameters: found.params };
    }
    return null;
  };
}

interface Route {
  readonly rule: Rule;
  readonly isNear: MatchFunction<ParamData>;
  readonly matches: MatchFunction<ParamData>;
}

function routeOf(rule: Rule): Route {
  return {
    rule,
    isNear: match(rule.path, { decode: false, sensitive: false, trailing: true }),
    matches: match(rule.path, { decode: false, sensitive: true, trailing: false }),
  };
}

function isOneOf(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || methods.includes("*");
}

/** A header that came twice meets a condition for some servers, and does not for others. */
function meetsConditions({ headers }: Rule, asked: Asked): boolean | "ambiguous" {
  const conditions = Object.entries(headers);
  if (conditions.some(([name]) => asked.headers.get(name)?.includes(","))) return "ambiguous";
  return conditions.every(([name, value]) => asked.headers.get(name) === value);
}
