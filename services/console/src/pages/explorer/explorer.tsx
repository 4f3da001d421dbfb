import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { explorerTabs } from "../../routing/routes.tsx";
import { Page } from "../../ui/page.tsx";
import { WhatTab } from "./what.tsx";
import { WhoTab } from "./who.tsx";
import { WhyTab } from "./why.tsx";

const labels = {
  who: "Who can access this?",
  what: "What can they access?",
  why: "Why, or why not?",
} as const;

export function ExplorerPage() {
  const search = useSearch({ from: "/signed-in/access/explorer" });
  const navigate = useNavigate({ from: "/access/explorer" });
  const tab = search.tab ?? "who";
  return (
    <Page
      title="Access explorer"
      purpose="Ask who may do what, and through which groups and roles they may. Nothing is changed here."
    >
      <Tabs
        value={tab}
        onChange={(value) => {
          const wanted = explorerTabs.find((one) => one === value) ?? "who";
          void navigate({ search: ({ cursor: _c, sort: _s, ...rest }) => ({ ...rest, tab: wanted }) });
        }}
      >
        <Tabs.List>
          {explorerTabs.map((value) => (
            <Tabs.Tab key={value} value={value}>
              {labels[value]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          {tab === "who" && <WhoTab />}
          {tab === "what" && <WhatTab />}
          {tab === "why" && <WhyTab />}
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
