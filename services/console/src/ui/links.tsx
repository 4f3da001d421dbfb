// Links that look like what the component library has: typed as the router's, so that a wrong path does not compile.

import {
  Anchor,
  type AnchorProps,
  Button,
  type ButtonProps,
  Menu,
  type MenuItemProps,
  NavLink,
  type NavLinkProps,
} from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentPropsWithRef } from "react";

type Of<Props> = Props & Omit<ComponentPropsWithRef<"a">, keyof Props>;

export const AnchorLink = createLink((props: Of<AnchorProps>) => <Anchor size="sm" {...props} />);
export const ButtonLink = createLink((props: Of<ButtonProps>) => <Button component="a" {...props} />);
export const MenuItemLink = createLink((props: Of<MenuItemProps>) => <Menu.Item component="a" {...props} />);
export const NavigationLink = createLink((props: Of<NavLinkProps>) => <NavLink component="a" {...props} />);
