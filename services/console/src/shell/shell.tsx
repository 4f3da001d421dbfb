import { AppShell, Burger, Group, ScrollArea, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation } from "@tanstack/react-router";
import { useEffect } from "react";
import { sessionQuery } from "../api/session.ts";
import { NavigationLink } from "../ui/links.tsx";
import { ErrorState } from "../ui/states.tsx";
import { Toast } from "../ui/toast.tsx";
import { AccountMenu } from "./account-menu.tsx";
import { Logo } from "./logo.tsx";
import { areas } from "./navigation.ts";

/** The frame of every page of somebody who is signed in. */
export function Shell() {
  const [open, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  const { data: session, error } = useQuery(sessionQuery);
  useEffect(close, [pathname, close]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding={{ base: "md", sm: "xl" }}
    >
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" miw={0}>
            <Burger
              opened={open}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={open ? "Close the navigation" : "Open the navigation"}
              aria-expanded={open}
            />
            <Logo />
            <Text fw={650}>Portcullis</Text>
            <Text className="muted" truncate visibleFrom="xs">
              {session?.org_name}
            </Text>
          </Group>
          {session !== undefined && <AccountMenu session={session} />}
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label="Console">
        <ScrollArea type="auto" p="xs">
          {areas.map((area) => (
            <section key={area.title} aria-labelledby={`area-${area.title}`}>
              <Text id={`area-${area.title}`} size="xs" fw={600} className="muted" px="sm" pt="md" pb={4}>
                {area.title}
              </Text>
              {area.pages.map(({ to, label, icon: Icon, ...page }) =>
                "ownersOnly" in page && session?.owner !== true ? null : (
                  <NavigationLink
                    key={to}
                    to={to}
                    label={label}
                    leftSection={<Icon size={18} stroke={1.5} aria-hidden />}
                    active={pathname.startsWith(to)}
                    aria-current={pathname.startsWith(to) ? "page" : undefined}
                    variant="light"
                  />
                ),
              )}
            </section>
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        {error === null ? <Outlet /> : <ErrorState page error={error} />}
      </AppShell.Main>
      <Toast />
    </AppShell>
  );
}
