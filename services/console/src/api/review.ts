import type { ObjectType, Permission } from "@portcullis/policy";
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { GrantPath } from "./access.ts";
import type { SubjectKind } from "./directory.ts";
import { post } from "./http.ts";

/** One grant and who has it, as a review tells it. */
export interface ReviewEntry {
  readonly principal: {
    readonly id: string;
    /** Null: no member any more. */
    readonly kind: SubjectKind | null;
    readonly name: string | null;
    readonly email: string | null;
  };
  readonly permissions: readonly Permission[];
  /** What the ACL gives on what is under the object. */
  readonly below: readonly {
    readonly object_type: ObjectType;
    readonly permissions: readonly Permission[];
  }[];
  readonly paths: readonly GrantPath[];
  /** Null: a direct member of the group that is reviewed. */
  readonly acl_id: string | null;
  readonly since: string | null;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly marks: readonly string[];
}

interface ReviewPage {
  readonly entries: readonly ReviewEntry[];
  readonly cursor: string | null;
}

export type Reviewed =
  | { readonly object: { readonly type: "project"; readonly id: string } }
  | { readonly group_id: string };

const pageSize = 100;

function askReview(of: Reviewed, cursor: string | undefined, signal?: AbortSignal): Promise<ReviewPage> {
  const asked = { ...of, limit: pageSize, ...(cursor !== undefined && { cursor }) };
  return post<ReviewPage>("/v1/access/review", asked, signal);
}

export function reviewQuery(of: Reviewed, cursor: string | undefined) {
  return queryOptions({
    queryKey: ["review", of, cursor],
    queryFn: ({ signal }) => askReview(of, cursor, signal),
    placeholderData: keepPreviousData,
  });
}

/** No export is longer. */
const exportedMax = 100_000;

/** All pages of a review, for an export. */
export async function wholeReview(of: Reviewed): Promise<readonly ReviewEntry[]> {
  const entries: ReviewEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await askReview(of, cursor);
    entries.push(...page.entries);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined && entries.length < exportedMax);
  return entries;
}
