import { createRouter } from "@tanstack/react-router";
import { createElement } from "react";
import { rememberSession } from "../api/http.ts";
import { queryClient, whenSignedOut } from "../api/query-client.ts";
import { ErrorState, NotFoundState, PageSkeleton } from "../ui/states.tsx";
import { routeTree } from "./routes.tsx";

export const router = createRouter({
  routeTree,
  basepath: "/console",
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: ({ error, reset }) => createElement(ErrorState, { error, reset, page: true }),
  defaultNotFoundComponent: () => createElement(NotFoundState, { page: true }),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

whenSignedOut(() => {
  const { pathname, href } = router.state.location;
  if (isForGuests(pathname)) return;
  queryClient.clear();
  // Only pages of the session of before must not go on with another one, and none of them is left then.
  void router
    .navigate({ to: "/sign-in", search: { return_to: href, ended: true } })
    .then(() => rememberSession(null));
});

function isForGuests(path: string): boolean {
  return path.endsWith("/sign-in") || path.endsWith("/choose-organization");
}
