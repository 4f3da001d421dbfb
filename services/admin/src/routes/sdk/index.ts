// What the official SDKs call beside the public API. Shapes are those of the published `braintrust` package.

import type { Access } from "../../access.ts";
import type { Owners } from "../../owners.ts";
import type { Route } from "../../route.ts";
import { loginRoutes } from "./login.ts";
import { lookupRoutes } from "./lookup.ts";
import { objectInfoRoutes } from "./object-info.ts";
import { registrationRoutes } from "./registration.ts";

export function sdkRoutes(owners: Owners, access: Access): readonly Route[] {
  return [
    ...loginRoutes(owners),
    ...objectInfoRoutes(owners, access),
    ...lookupRoutes(owners, access),
    ...registrationRoutes(owners, access),
  ];
}
