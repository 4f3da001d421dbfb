import { z } from "zod";
import { type OpenRoute, openRoute } from "../../open-route.ts";
import { type SignOnParts, signOnPath } from "./single-sign-on.ts";

/** How one may sign in here, beside an API key. */
export function signInOptions(signOn: SignOnParts | null): OpenRoute {
  return openRoute({
    method: "GET",
    path: "/v1/access/session/options",
    summary: "Tell how one can sign in to the console",
    response: z.object({ single_sign_on: z.object({ name: z.string(), url: z.string() }).nullable() }),
    handle: async () => ({
      body: { single_sign_on: signOn && { name: signOn.name, url: signOnPath } },
    }),
  });
}
