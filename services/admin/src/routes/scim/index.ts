import type { Owners } from "../../owners.ts";
import type { Route } from "../../route.ts";
import { discoveryRoutes } from "./discovery.ts";
import { scimGroupRoutes } from "./groups.ts";
import { scimUserRoutes } from "./users.ts";

/** SCIM 2.0, by which identity providers keep members and groups as they have them. */
export function scimRoutes(owners: Owners): readonly Route[] {
  return [...discoveryRoutes(), ...scimUserRoutes(owners), ...scimGroupRoutes(owners)];
}
