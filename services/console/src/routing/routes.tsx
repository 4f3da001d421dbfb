// Every page of the console, its path, and what of it stands in the URL. Each page's code is loaded when it is opened.

import { createRootRoute, createRoute, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { ApiError } from "../api/http.ts";
import { queryClient } from "../api/query-client.ts";
import { sessionQuery } from "../api/session.ts";
import { SignInPage } from "../pages/sign-in.tsx";
import { Shell } from "../shell/shell.tsx";
import { flag, given, oneOf, text } from "./search.ts";

type Search = Record<string, unknown>;

const memberTabs = ["people", "service-accounts"] as const;
const groupTabs = ["members", "access"] as const;
const projectTabs = ["experiment", "dataset", "prompt", "prompt_session"] as const;
export const keyTabs = ["own", "organization"] as const;
const accessSettings = ["creator_owner_grant", "grant_cap"] as const;
export const explorerTabs = ["who", "what", "why"] as const;

const root = createRootRoute({ component: Outlet });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Search) =>
    given({ return_to: text(search, "return_to"), ended: flag(search, "ended") }),
  component: SignInPage,
});

const chooseOrganization = createRoute({
  getParentRoute: () => root,
  path: "/choose-organization",
  component: lazyRouteComponent(() => import("../pages/choose-organization.tsx"), "ChooseOrganizationPage"),
});

/** Everything that takes a session: without one, to the sign-in page and back again. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  component: Shell,
  async beforeLoad({ location }) {
    try {
      return { session: await queryClient.query({ ...sessionQuery, staleTime: "static" }) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      return redirect({ to: "/sign-in", search: { return_to: location.href }, throw: true });
    }
  },
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  beforeLoad() {
    redirect({ to: "/settings/members", throw: true });
  },
});

/** What the search parameters of a list say: what is looked for, and the page. */
const listed = (search: Search) => ({ q: text(search, "q"), cursor: text(search, "cursor") });

const members = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/members",
  validateSearch: (search: Search) =>
    given({
      ...listed(search),
      tab: oneOf(search, "tab", memberTabs),
      invite: flag(search, "invite"),
      remove: text(search, "remove"),
    }),
  component: lazyRouteComponent(() => import("../pages/members/members.tsx"), "MembersPage"),
});

const groups = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/groups",
  validateSearch: (search: Search) =>
    given({
      ...listed(search),
      create: flag(search, "create"),
      permissions: text(search, "permissions"),
      access: text(search, "access"),
      remove: text(search, "remove"),
    }),
  component: lazyRouteComponent(() => import("../pages/groups/groups.tsx"), "GroupsPage"),
});

const groupPicture = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/groups/picture",
  validateSearch: (search: Search) => given({ group: text(search, "group") }),
  component: lazyRouteComponent(() => import("../pages/groups/picture.tsx"), "GroupPicturePage"),
});

const group = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/groups/$groupId",
  validateSearch: (search: Search) =>
    given({
      ...listed(search),
      tab: oneOf(search, "tab", groupTabs),
      add: flag(search, "add"),
      edit: flag(search, "edit"),
      subject: text(search, "subject"),
      permissions: flag(search, "permissions"),
    }),
  component: lazyRouteComponent(() => import("../pages/groups/group.tsx"), "GroupPage"),
});

const projects = createRoute({
  getParentRoute: () => signedIn,
  path: "/projects",
  validateSearch: (search: Search) => given({ after: text(search, "after") }),
  component: lazyRouteComponent(() => import("../pages/projects/projects.tsx"), "ProjectsPage"),
});

const project = createRoute({
  getParentRoute: () => signedIn,
  path: "/projects/$projectId",
  validateSearch: (search: Search) =>
    given({ tab: oneOf(search, "tab", projectTabs), after: text(search, "after") }),
  component: lazyRouteComponent(() => import("../pages/projects/project.tsx"), "ProjectPage"),
});

const projectPermissions = createRoute({
  getParentRoute: () => signedIn,
  path: "/projects/$projectId/configuration/permissions",
  validateSearch: (search: Search) => given({ subject: text(search, "subject") }),
  component: lazyRouteComponent(() => import("../pages/projects/permissions.tsx"), "ProjectPermissionsPage"),
});

const object = createRoute({
  getParentRoute: () => signedIn,
  path: "/projects/$projectId/$objectType/$objectId",
  validateSearch: (search: Search) =>
    given({ permissions: flag(search, "permissions"), subject: text(search, "subject") }),
  component: lazyRouteComponent(() => import("../pages/projects/object.tsx"), "ObjectPage"),
});

const apiKeys = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/api-keys",
  validateSearch: (search: Search) =>
    given({
      tab: oneOf(search, "tab", keyTabs),
      after: text(search, "after"),
      create: flag(search, "create"),
      rotate: text(search, "rotate"),
      revoke: text(search, "revoke"),
    }),
  component: lazyRouteComponent(() => import("../pages/credentials/api-keys.tsx"), "ApiKeysPage"),
});

const serviceTokens = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/service-tokens",
  validateSearch: (search: Search) =>
    given({
      after: text(search, "after"),
      create: flag(search, "create"),
      rotate: text(search, "rotate"),
      revoke: text(search, "revoke"),
    }),
  component: lazyRouteComponent(() => import("../pages/credentials/service-tokens.tsx"), "ServiceTokensPage"),
});

const roles = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/roles",
  validateSearch: (search: Search) =>
    given({ create: flag(search, "create"), edit: text(search, "edit"), remove: text(search, "remove") }),
  component: lazyRouteComponent(() => import("../pages/roles/roles.tsx"), "RolesPage"),
});

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: "/settings/access",
  validateSearch: (search: Search) => given({ change: oneOf(search, "change", accessSettings) }),
  component: lazyRouteComponent(() => import("../pages/settings/settings.tsx"), "SettingsPage"),
});

const explorer = createRoute({
  getParentRoute: () => signedIn,
  path: "/access/explorer",
  validateSearch: (search: Search) =>
    given({
      tab: oneOf(search, "tab", explorerTabs),
      principal: text(search, "principal"),
      permission: text(search, "permission"),
      type: text(search, "type"),
      object: text(search, "object"),
      project: text(search, "project"),
      cursor: text(search, "cursor"),
      sort: text(search, "sort"),
    }),
  component: lazyRouteComponent(() => import("../pages/explorer/explorer.tsx"), "ExplorerPage"),
});

const review = createRoute({
  getParentRoute: () => signedIn,
  path: "/access/review",
  validateSearch: (search: Search) =>
    given({
      project: text(search, "project"),
      group: text(search, "group"),
      cursor: text(search, "cursor"),
    }),
  component: lazyRouteComponent(() => import("../pages/review/review.tsx"), "ReviewPage"),
});

const auditLog = createRoute({
  getParentRoute: () => signedIn,
  path: "/access/audit-log",
  validateSearch: (search: Search) =>
    given({
      actor: text(search, "actor"),
      principal: text(search, "principal"),
      action: text(search, "action"),
      from: text(search, "from"),
      to: text(search, "to"),
      cursor: text(search, "cursor"),
      event: text(search, "event"),
      at: text(search, "at"),
    }),
  component: lazyRouteComponent(() => import("../pages/audit-log/audit-log.tsx"), "AuditLogPage"),
});

export const routeTree = root.addChildren([
  signIn,
  chooseOrganization,
  signedIn.addChildren([
    home,
    members,
    groups,
    groupPicture,
    group,
    projects,
    project,
    projectPermissions,
    object,
    apiKeys,
    serviceTokens,
    roles,
    settings,
    explorer,
    review,
    auditLog,
  ]),
]);
