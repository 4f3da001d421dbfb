import { queryOptions } from "@tanstack/react-query";
import { get, send } from "./http.ts";

/** What an organisation decides for itself about access control. */
export interface AccessSettings {
  readonly creator_owner_grant: boolean;
  readonly grant_cap: boolean;
}

export const accessSettingsQuery = queryOptions({
  queryKey: ["access settings"],
  queryFn: ({ signal }) => get<AccessSettings>("/v1/access/settings", { signal }),
});

export function changeAccessSettings(changes: Partial<AccessSettings>): Promise<AccessSettings> {
  return send("PATCH", "/v1/access/settings", { body: changes });
}
