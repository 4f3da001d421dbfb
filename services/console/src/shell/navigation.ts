import {
  IconAdjustments,
  IconBook2,
  IconBriefcase,
  IconClipboardCheck,
  IconId,
  IconKey,
  IconRobot,
  IconRouteAltLeft,
  IconUsers,
  IconUsersGroup,
} from "@tabler/icons-react";

/** What the navigation lists, in its order. */
export const areas = [
  {
    title: "Work",
    pages: [{ to: "/projects", label: "Projects", icon: IconBriefcase }],
  },
  {
    title: "Settings",
    pages: [
      { to: "/settings/members", label: "Members", icon: IconUsers },
      { to: "/settings/groups", label: "Permission groups", icon: IconUsersGroup },
      { to: "/settings/roles", label: "Roles", icon: IconId },
      { to: "/settings/api-keys", label: "API keys", icon: IconKey },
      { to: "/settings/service-tokens", label: "Service tokens", icon: IconRobot, ownersOnly: true },
      { to: "/settings/access", label: "Access settings", icon: IconAdjustments },
    ],
  },
  {
    title: "Access",
    pages: [
      { to: "/access/explorer", label: "Access explorer", icon: IconRouteAltLeft },
      { to: "/access/review", label: "Access review", icon: IconClipboardCheck },
      { to: "/access/audit-log", label: "Audit log", icon: IconBook2 },
    ],
  },
] as const satisfies readonly {
  title: string;
  pages: readonly { to: string; label: string; icon: typeof IconKey; ownersOnly?: true }[];
}[];
