// A plan in a file: what it was made against and what it leads to, so that what is applied is what was looked at.

import { invalid } from "@portcullis/chassis/fault";
import { readShape } from "@portcullis/chassis/read-shape";
import { z } from "zod";
import { type Base, baseText, readBase } from "./base.ts";

export interface SavedPlan {
  readonly base: Base;
  readonly target: Base;
  readonly prune: boolean;
}

const written = z.strictObject({
  portcullis_plan: z.literal(1),
  made_against: z.string(),
  target: z.string(),
  prune: z.boolean(),
});

export function savedPlanText({ base, target, prune }: SavedPlan): string {
  const saved: z.infer<typeof written> = {
    portcullis_plan: 1,
    made_against: baseText(base),
    target: baseText(target),
    prune,
  };
  return `${JSON.stringify(saved, null, 2)}\n`;
}

/** Null: the text is none, but may be a file of access. */
export function readSavedPlan(text: string, name: string): SavedPlan | null {
  if (!text.startsWith("{") || !text.includes('"portcullis_plan"')) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(name, "is a damaged plan: make it anew");
  }
  const { made_against, target, prune } = readShape(written, value, name);
  return { base: readBase(made_against, "made_against"), target: readBase(target, "target"), prune };
}
