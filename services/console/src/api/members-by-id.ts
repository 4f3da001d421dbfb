import { queryOptions } from "@tanstack/react-query";
import { nameOf, type PrincipalKind, type User } from "./directory.ts";
import { get } from "./http.ts";

export interface KnownMember {
  readonly kind: PrincipalKind;
  readonly label: string;
  readonly email: string | null;
}

const idsPerRequest = 100;

/** Members by their ids; whom one may not see, or who is gone, is left out. */
export function membersByIdQuery(ids: readonly string[]) {
  const wanted = [...new Set(ids)].toSorted();
  return queryOptions({
    queryKey: ["members by id", wanted],
    staleTime: 60_000,
    async queryFn({ signal }) {
      const found = new Map<string, KnownMember>();
      for (let from = 0; from < wanted.length; from += idsPerRequest) {
        const { objects } = await get<{ objects: readonly User[] }>("/v1/user", {
          query: { ids: wanted.slice(from, from + idsPerRequest) },
          signal,
        });
        for (const user of objects) {
          // The public API shows both kinds alike; only people have an address.
          const kind = user.email === null ? "service_account" : "user";
          found.set(user.id, { kind, label: nameOf(user), email: user.email });
        }
      }
      return found;
    },
  });
}
