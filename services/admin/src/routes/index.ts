import type { Access } from "../access.ts";
import { grantCap } from "../grant-cap.ts";
import type { OpenRoute } from "../open-route.ts";
import type { AuditLogs, Decision, Owners } from "../owners.ts";
import type { RateLimits } from "../rate-limits.ts";
import type { Route } from "../route.ts";
import { auditLogRoutes } from "./access-audit-log.ts";
import { checkRoutes } from "./access-check.ts";
import { directoryRoutes } from "./access-directory.ts";
import { explainRoutes } from "./access-explain.ts";
import { groupListRoutes } from "./access-groups.ts";
import { listRoutes } from "./access-lists.ts";
import { memberListRoutes } from "./access-members.ts";
import { reviewRoutes } from "./access-review.ts";
import { settingsRoutes } from "./access-settings.ts";
import { simulateRoutes } from "./access-simulate.ts";
import { watchRoutes } from "./access-watch.ts";
import { aclRoutes } from "./acl.ts";
import { aiSecretRoutes } from "./ai-secret.ts";
import { apiKeyRoutes } from "./api-key.ts";
import { datasetRoutes } from "./dataset.ts";
import { envVarRoutes } from "./env-var.ts";
import { environmentRoutes } from "./environment.ts";
import { experimentRoutes } from "./experiment.ts";
import { functionRoutes } from "./function.ts";
import { groupRoutes } from "./group.ts";
import { memberRoutes } from "./members.ts";
import { organizationRoutes } from "./organization.ts";
import { playgroundRoutes } from "./playground.ts";
import { projectRoutes } from "./project.ts";
import { projectGroupRoutes } from "./project-group.ts";
import { projectScoreRoutes } from "./project-score.ts";
import { projectTagRoutes } from "./project-tag.ts";
import { promptRoutes } from "./prompt.ts";
import { roleRoutes } from "./role.ts";
import { scimRoutes } from "./scim/index.ts";
import { sdkRoutes } from "./sdk/index.ts";
import { serviceTokenRoutes } from "./service-token.ts";
import { apiKeySignIn } from "./session/api-key.ts";
import { choiceRoutes } from "./session/choice.ts";
import { signInOptions } from "./session/options.ts";
import { ownSessionRoutes } from "./session/own-session.ts";
import { type SignOnParts, singleSignOnRoutes } from "./session/single-sign-on.ts";
import { userRoutes } from "./user.ts";
import { viewRoutes } from "./view.ts";

/** What routes are made of. */
export interface Parts {
  readonly owners: Owners;
  readonly logs: AuditLogs;
  readonly decision: Decision;
  readonly access: Access;
}

/** Every route that takes a credential: all but the greeting, the health of the process, and signing in. */
export function allRoutes({ owners, logs, decision, access }: Parts): readonly Route[] {
  const cap = grantCap(owners, decision);
  return [
    ...organizationRoutes(owners),
    ...memberRoutes(owners),
    ...userRoutes(owners),
    ...groupRoutes(owners, access),
    ...roleRoutes(owners, access, cap),
    ...aclRoutes(owners, access, cap),
    ...projectRoutes(owners, access),
    ...projectGroupRoutes(owners, access, cap),
    ...aiSecretRoutes(owners, access),
    ...experimentRoutes(owners, access),
    ...datasetRoutes(owners, access),
    ...promptRoutes(owners, access),
    ...functionRoutes(owners, access),
    ...playgroundRoutes(owners, access),
    ...viewRoutes(owners, access),
    ...envVarRoutes(owners, access),
    ...projectScoreRoutes(owners, access),
    ...projectTagRoutes(owners, access),
    ...environmentRoutes(owners, access),
    ...sdkRoutes(owners, access),
    ...apiKeyRoutes(owners),
    ...serviceTokenRoutes(owners),
    ...ownSessionRoutes(owners),
    ...auditLogRoutes(logs),
    ...checkRoutes(decision, access),
    ...explainRoutes(decision, access),
    ...listRoutes(decision),
    ...simulateRoutes(decision),
    ...watchRoutes(decision),
    ...settingsRoutes(owners),
    ...directoryRoutes(owners),
    ...memberListRoutes(owners, access),
    ...groupListRoutes(owners),
    ...reviewRoutes(owners, decision),
    ...scimRoutes(owners),
  ];
}

/** The ways to sign in to the console. */
export function allOpenRoutes(
  parts: Pick<Parts, "owners" | "decision"> & {
    readonly limits: RateLimits;
    /** Null: there is no single sign-on. */
    readonly signOn: SignOnParts | null;
  },
): readonly OpenRoute[] {
  return [
    signInOptions(parts.signOn),
    apiKeySignIn(parts),
    ...singleSignOnRoutes(parts),
    ...choiceRoutes(parts),
  ];
}
