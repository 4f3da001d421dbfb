import "@xyflow/react/dist/style.css";
import { Select, Stack, Text, useComputedColorScheme } from "@mantine/core";
import { IconUsersGroup } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import {
  Background,
  Controls,
  type Edge,
  MiniMap,
  type Node,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { useEffect, useMemo } from "react";
import { allGroupsQuery, type GroupSummary } from "../../api/groups.ts";
import { AnchorLink } from "../../ui/links.tsx";
import { Page } from "../../ui/page.tsx";
import { EmptyState, ErrorState, ListSkeleton } from "../../ui/states.tsx";
import { GroupCard } from "./group-card.tsx";
import { nodeHeight, nodeWidth, placesOf } from "./layout.ts";
import classes from "./picture.module.css";
import { relatedTo } from "./related.ts";

const from = "/signed-in/settings/groups/picture";

export function GroupPicturePage() {
  const query = useQuery(allGroupsQuery);
  return (
    <Page
      title="Picture of the groups"
      purpose="Which groups lie in which: an arrow leads from a group to the one whose permissions its members get too."
      above={<AnchorLink to="/settings/groups">Permission groups</AnchorLink>}
    >
      {query.error !== null && <ErrorState error={query.error} reset={() => void query.refetch()} />}
      {query.isPending && <ListSkeleton />}
      {query.data !== undefined && query.error === null && query.data.groups.length === 0 && (
        <EmptyState icon={IconUsersGroup} title="No permission groups that you can see" />
      )}
      {query.data !== undefined && query.error === null && query.data.groups.length > 0 && (
        <Stack gap="md">
          {query.data.cursor !== null && (
            <Text size="sm" className="muted">
              The first {query.data.groups.length.toLocaleString("en")} of{" "}
              {query.data.total.toLocaleString("en")} groups, by name.
            </Text>
          )}
          <ReactFlowProvider>
            <Picture groups={query.data.groups} />
          </ReactFlowProvider>
        </Stack>
      )}
    </Page>
  );
}

/** What fits into the view needs no map. */
const smallPicture = 30;
/** More at once are nothing that can be read: then only what belongs to one group is drawn. */
const drawnMax = 300;

function Picture({ groups }: { readonly groups: readonly GroupSummary[] }) {
  const { group: chosenId } = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/groups/picture" });
  const scheme = useComputedColorScheme("light");
  const related = useMemo(
    () => (chosenId === undefined ? null : relatedTo(chosenId, groups)),
    [chosenId, groups],
  );
  const drawn = useMemo(
    () => (groups.length <= drawnMax ? groups : groups.filter(({ id }) => related?.has(id))),
    [groups, related],
  );
  const places = useMemo(() => placesOf(drawn), [drawn]);
  const choose = (id: string | undefined) =>
    void navigate({ search: id === undefined ? {} : { group: id }, replace: true });
  const nodes = drawn.map(
    (group): Node => ({
      id: group.id,
      position: places.get(group.id) ?? { x: 0, y: 0 },
      data: { label: <Label group={group} /> },
      width: nodeWidth,
      height: nodeHeight,
      className: classOf(group.id, chosenId, related) ?? "",
      ariaLabel: `${group.name}, ${group.member_count} members, ${group.member_group_ids.length} nested groups`,
      // Arrows lead upwards, from a nested group to that which holds it.
      sourcePosition: Position.Top,
      targetPosition: Position.Bottom,
      draggable: false,
      connectable: false,
    }),
  );
  const edges = drawn.flatMap((group) =>
    group.member_group_ids.map(
      (nested): Edge => ({
        id: `${nested} ${group.id}`,
        source: nested,
        target: group.id,
        focusable: false,
        className:
          related !== null && !(related.has(nested) && related.has(group.id)) ? (classes["faint"] ?? "") : "",
        markerEnd: { type: "arrowclosed" as const },
      }),
    ),
  );
  const chosen = groups.find((group) => group.id === chosenId);
  return (
    <>
      <Select
        label="Find a group"
        placeholder="Type the name of a group"
        searchable
        clearable
        clearButtonProps={{ "aria-label": "Clear the choice" }}
        limit={50}
        data={groups.map(({ id, name }) => ({ value: id, label: name }))}
        value={chosenId ?? null}
        onChange={(id) => choose(id ?? undefined)}
        maw={320}
      />
      {drawn.length === 0 ? (
        <EmptyState icon={IconUsersGroup} title="Choose a group to draw">
          {`${groups.length.toLocaleString("en")} groups are too many to draw at once. `}
          The picture of one shows the groups in it, and those in which it lies.
        </EmptyState>
      ) : (
        <div className={classes["frame"]}>
          <div className={classes["canvas"]}>
            <ReactFlow
              nodes={nodes}
              edges={edges}
              colorMode={scheme}
              fitView
              minZoom={0.05}
              nodesConnectable={false}
              onNodeClick={(_event, node) => choose(node.id)}
              onSelectionChange={({ nodes: [selected] }) => selected !== undefined && choose(selected.id)}
              proOptions={{ hideAttribution: true }}
              aria-label="Picture of the groups"
            >
              <Background />
              {drawn.length > smallPicture && (
                <MiniMap pannable zoomable ariaLabel="The whole picture, small" />
              )}
              <Controls showInteractive={false} aria-label="Zoom" />
              <Follow id={chosenId} />
            </ReactFlow>
          </div>
          {chosen !== undefined && <GroupCard group={chosen} groups={groups} onChoose={choose} />}
        </div>
      )}
    </>
  );
}

/** Brings the chosen group to the middle. */
function Follow({ id }: { readonly id: string | undefined }) {
  const { fitView } = useReactFlow();
  useEffect(() => {
    if (id !== undefined) void fitView({ nodes: [{ id }], maxZoom: 1, duration: 200 });
  }, [id, fitView]);
  return null;
}

function Label({ group }: { readonly group: GroupSummary }) {
  return (
    <span className={classes["label"]}>
      <strong>{group.name}</strong>
      <span>{group.member_count === 1 ? "1 member" : `${group.member_count} members`}</span>
    </span>
  );
}

function classOf(id: string, chosen: string | undefined, related: ReadonlySet<string> | null) {
  if (id === chosen) return classes["chosen"];
  return related === null || related.has(id) ? undefined : classes["faint"];
}
