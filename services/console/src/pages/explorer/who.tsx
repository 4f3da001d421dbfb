import { Group, List, Stack } from "@mantine/core";
import { IconUserOff, IconZoomQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { listPrincipalsQuery, type ObjectRef, type PrincipalWithAccess } from "../../api/access.ts";
import { sessionQuery } from "../../api/session.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { legible } from "../../ui/legible.ts";
import { ButtonLink } from "../../ui/links.tsx";
import { parseSorting, sorted } from "../../ui/sort.ts";
import { EmptyState } from "../../ui/states.tsx";
import { objectAsked, useAsked } from "./asked.ts";
import { ObjectField, PermissionField, TypeField } from "./fields.tsx";
import { pathText } from "./path-text.ts";

/** Everybody who has a permission on an object. */
export function WhoTab() {
  const { data: session } = useQuery(sessionQuery);
  const asked = useAsked();
  const object = session === undefined ? null : objectAsked(asked, session.org_id);
  return (
    <Stack gap="md">
      <Group align="flex-end" gap="sm">
        <TypeField
          label="Kind of object"
          value={asked.type}
          onChange={(type) => asked.ask({ type, object: undefined, project: undefined })}
        />
        <ObjectField {...asked} onChange={(change) => asked.ask(change)} />
        <PermissionField
          value={asked.permission}
          type={asked.type}
          onChange={(permission) => asked.ask({ permission })}
        />
      </Group>
      {object === null ? (
        <EmptyState icon={IconZoomQuestion} title="Choose an object">
          Then everybody who may do this with it is listed, and how they come to it.
        </EmptyState>
      ) : (
        <Answer object={object} />
      )}
    </Stack>
  );
}

function Answer({ object }: { readonly object: ObjectRef }) {
  const asked = useAsked();
  const { permission, cursor } = asked;
  const query = useQuery(listPrincipalsQuery({ object, permission, cursor }));
  const sorting = parseSorting(asked.sort, "who");
  const columns: readonly Column<PrincipalWithAccess>[] = [
    { header: "Who", isName: true, sort: "who", width: "28%", cell: ({ principal }) => nameIn(principal) },
    { header: "How", sort: "how", cell: (row) => <How row={row} /> },
    {
      header: "Actions",
      actions: true,
      width: 80,
      cell: ({ principal }) => (
        <ButtonLink
          size="compact-sm"
          variant="default"
          to="/access/explorer"
          search={(before) => ({ ...before, tab: "why", principal: principal.id })}
          aria-label={`Why ${nameIn(principal)}?`}
        >
          Why?
        </ButtonLink>
      ),
    },
  ];
  return (
    <>
      <DataTable
        caption="Who has access"
        query={query}
        rows={(data) =>
          sorted(data.principals, sorting, { who: (row) => nameIn(row.principal), how: howText })
        }
        rowKey={({ principal }) => principal.id}
        columns={columns}
        sorting={{ ...sorting, onSort: (sort) => asked.ask({ sort }) }}
        empty={
          <EmptyState icon={IconUserOff} title="Nobody may do this">
            Nobody was given this permission here or on anything above it.
          </EmptyState>
        }
      />
      <Pager current={cursor} next={query.isPlaceholderData ? null : query.data?.cursor} />
    </>
  );
}

const pathsShown = 3;

function How({ row }: { readonly row: PrincipalWithAccess }) {
  if (row.reason === "public") return "Everybody: it is public";
  const more = row.paths.length - pathsShown;
  return (
    <List size="sm" listStyleType="none">
      {row.paths.slice(0, pathsShown).map((path) => (
        <List.Item key={`${path.acl.id} ${path.groups[0]?.id ?? ""}`}>{pathText(path)}</List.Item>
      ))}
      {(more > 0 || row.paths_cut) && <List.Item className="muted">and in more ways</List.Item>}
    </List>
  );
}

function howText(row: PrincipalWithAccess): string {
  return row.paths[0] === undefined ? row.reason : pathText(row.paths[0]);
}

function nameIn({ name, id }: PrincipalWithAccess["principal"]): string {
  return name === null ? `…${id.slice(-6)}` : legible(name);
}
