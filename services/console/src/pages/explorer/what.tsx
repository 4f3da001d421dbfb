import { Group, Stack } from "@mantine/core";
import { IconInboxOff, IconZoomQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { listObjectsQuery } from "../../api/access.ts";
import { keyOf, objectLabel, objectNamesQuery } from "../../api/objects.ts";
import { typePlurals } from "../../permissions/words.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { ButtonLink } from "../../ui/links.tsx";
import { parseSorting, sorted } from "../../ui/sort.ts";
import { EmptyState } from "../../ui/states.tsx";
import { useAsked } from "./asked.ts";
import { PermissionField, PrincipalField, TypeField } from "./fields.tsx";

/** Everything of a kind on which somebody has a permission. */
export function WhatTab() {
  const asked = useAsked();
  return (
    <Stack gap="md">
      <Group align="flex-end" gap="sm">
        <PrincipalField value={asked.principal} onChange={(principal) => asked.ask({ principal })} />
        <PermissionField
          value={asked.permission}
          type={asked.type}
          onChange={(permission) => asked.ask({ permission })}
        />
        <TypeField
          plural
          label="Which kind of objects"
          value={asked.type}
          onChange={(type) => asked.ask({ type, object: undefined, project: undefined })}
        />
      </Group>
      {asked.principal === undefined ? (
        <EmptyState icon={IconZoomQuestion} title="Choose a member or a service account">
          Then everything of this kind on which they have the permission is listed.
        </EmptyState>
      ) : (
        <Answer principal={asked.principal} />
      )}
    </Stack>
  );
}

function Answer({ principal }: { readonly principal: string }) {
  const asked = useAsked();
  const { permission, type, cursor } = asked;
  const query = useQuery(listObjectsQuery({ principal_id: principal, permission, type, cursor }));
  const ids = query.data?.ids ?? [];
  const names = useQuery({ ...objectNamesQuery(ids.map((id) => ({ type, id }))), enabled: ids.length > 0 });
  const sorting = parseSorting(asked.sort, "name");
  const label = (id: string) => objectLabel({ type, id }, names.data);
  const columns: readonly Column<string>[] = [
    { header: "Name", isName: true, sort: "name", cell: label },
    { header: "Id", sort: "id", cell: (id) => <span className="muted small">{id}</span> },
    {
      header: "Actions",
      actions: true,
      width: 80,
      cell: (id) => (
        <ButtonLink
          size="compact-sm"
          variant="default"
          to="/access/explorer"
          search={(before) => ({ ...before, tab: "why", object: id })}
          aria-label={`Why ${label(id)}?`}
        >
          Why?
        </ButtonLink>
      ),
    },
  ];
  return (
    <>
      <DataTable
        caption="What they can access"
        query={query}
        rows={(data) => sorted(data.ids, sorting, { name: label, id: (id) => id })}
        rowKey={(id) => keyOf({ type, id })}
        columns={columns}
        sorting={{ ...sorting, onSort: (sort) => asked.ask({ sort }) }}
        empty={
          <EmptyState icon={IconInboxOff} title={`No ${typePlurals[type].toLowerCase()}`}>
            They have this permission on none of them.
          </EmptyState>
        }
      />
      <Pager current={cursor} next={query.isPlaceholderData ? null : query.data?.cursor} />
    </>
  );
}
