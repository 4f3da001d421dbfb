import { queryOptions } from "@tanstack/react-query";
import { getByIds } from "./by-ids.ts";
import { nameOf, type PrincipalKind, type User } from "./directory.ts";

export interface KnownMember {
  readonly kind: PrincipalKind;
  readonly label: string;
  readonly email: string | null;
}

/** Members by their ids; whom one may not see, or who is gone, is left out. */
export function membersByIdQuery(ids: readonly string[]) {
  const wanted = [...new Set(ids)].toSorted();
  return queryOptions({
    queryKey: ["members by id", wanted],
    staleTime: 60_000,
    async queryFn({ signal }) {
      const found = new Map<string, KnownMember>();
      for (const user of await getByIds<User>("/v1/user", wanted, signal)) {
        // The public API shows both kinds alike; only people have an address.
        const kind = user.email === null ? "service_account" : "user";
        found.set(user.id, { kind, label: nameOf(user), email: user.email });
      }
      return found;
    },
  });
}
