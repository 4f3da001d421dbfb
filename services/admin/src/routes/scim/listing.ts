// What lists are asked, and how they answer: RFC 7644, 3.4.2.

import { z } from "zod";
import { ScimFault } from "../../dialect.ts";
import { anyText, maybe, wholeNumber } from "../../input.ts";
import type { Resource } from "./resource.ts";

export const countMax = 1000;
const countDefault = 100;
const startIndexMax = 1_000_000_000;
/** No filter looks at more resources than this. */
export const lookedAtMax = 10_000;

const names = anyText.transform((text) => text.split(",").map((name) => name.trim()));

/** What every answer that shows a resource takes. */
export const viewQuery = z.object({ attributes: names.default([]), excludedAttributes: names.default([]) });

export const listQuery = viewQuery.extend({
  filter: anyText.optional(),
  startIndex: wholeNumber.default(1),
  count: wholeNumber.default(countDefault),
});

/** The same as a body, for what is too long for an address. */
export const searchBody = z
  .object({
    filter: maybe(anyText),
    startIndex: maybe(z.number().int()),
    count: maybe(z.number().int()),
    attributes: maybe(z.array(anyText).max(1000)),
    excludedAttributes: maybe(z.array(anyText).max(1000)),
  })
  .transform(({ filter, startIndex, count, attributes, excludedAttributes }) => ({
    filter,
    startIndex: startIndex ?? 1,
    count: count ?? countDefault,
    attributes: attributes ?? [],
    excludedAttributes: excludedAttributes ?? [],
  }));

export type Listing = z.output<typeof searchBody>;

export const resourceSchema = z.looseObject({ schemas: z.array(z.string()), id: z.string() });

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

export const listResponse = z.object({
  schemas: z.tuple([z.literal(listSchema)]),
  totalResults: z.number().int(),
  startIndex: z.number().int(),
  itemsPerPage: z.number().int(),
  Resources: z.array(z.looseObject({ schemas: z.array(z.string()) })),
});

/** Where a page begins, counted from 0, and how long it may be. */
export function pageOf({ startIndex, count }: Listing): { readonly skip: number; readonly limit: number } {
  return {
    skip: Math.min(Math.max(startIndex, 1), startIndexMax) - 1,
    limit: Math.min(Math.max(count, 0), countMax),
  };
}

export function showList(
  skip: number,
  totalResults: number,
  resources: readonly Resource[],
): z.infer<typeof listResponse> {
  return {
    schemas: [listSchema],
    totalResults,
    startIndex: skip + 1,
    itemsPerPage: resources.length,
    Resources: resources as z.infer<typeof listResponse>["Resources"],
  };
}

export function tooMany(): ScimFault {
  return new ScimFault(
    "tooMany",
    `there are more than ${lookedAtMax} resources to look at; filter by an id, a name or an external id`,
  );
}
