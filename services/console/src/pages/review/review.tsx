import { Badge, Button, Group, List, SegmentedControl, Stack, Text } from "@mantine/core";
import { IconClipboardCheck, IconDownload, IconZoomQuestion } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { labelOf } from "../../api/directory.ts";
import { groupQuery } from "../../api/groups.ts";
import { objectQuery } from "../../api/objects.ts";
import { type ReviewEntry, type Reviewed, reviewQuery, wholeReview } from "../../api/review.ts";
import { permissionsText, typePlurals } from "../../permissions/words.ts";
import { type Column, DataTable, Pager } from "../../ui/data-table.tsx";
import { Page } from "../../ui/page.tsx";
import { EmptyState, ErrorState } from "../../ui/states.tsx";
import { SubjectIcon } from "../../ui/subject-icon.tsx";
import { When } from "../../ui/time.tsx";
import { ObjectField } from "../explorer/fields.tsx";
import { pathText } from "../explorer/path-text.ts";
import { csvOf } from "./csv.ts";
import { markName, marks } from "./marks.ts";

const from = "/signed-in/access/review";

export function ReviewPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/access/review" });
  const [kind, setKind] = useState<"project" | "group">(search.group === undefined ? "project" : "group");
  const id = kind === "project" ? search.project : search.group;
  const reviewed = id === undefined ? null : reviewedBy(kind, id);
  return (
    <Page
      title="Access review"
      purpose="Go through who has what, and since when. Grants that look stale are marked, so that you can take them away."
      actions={reviewed !== null && id !== undefined && <ExportButton of={reviewed} kind={kind} id={id} />}
    >
      <Stack gap="md">
        <Group align="flex-end">
          <SegmentedControl
            aria-label="What to review"
            data={[
              { value: "project", label: "A project" },
              { value: "group", label: "A permission group" },
            ]}
            value={kind}
            onChange={(value) => {
              setKind(value === "group" ? "group" : "project");
              void navigate({ search: {} });
            }}
          />
          <ObjectField
            type={kind}
            project={undefined}
            object={id}
            onChange={({ object }) =>
              void navigate({ search: object === undefined ? {} : { [kind]: object } })
            }
          />
        </Group>
        {reviewed === null ? (
          <EmptyState icon={IconZoomQuestion} title={`Choose a ${kind === "project" ? "project" : "group"}`}>
            {kind === "project"
              ? "Then everybody who has access to it is listed, with how and since when."
              : "Then everything that the group gives is listed, with since when and to whom."}
          </EmptyState>
        ) : (
          <Entries of={reviewed} cursor={search.cursor} />
        )}
      </Stack>
    </Page>
  );
}

function reviewedBy(kind: "project" | "group", id: string): Reviewed {
  return kind === "project" ? { object: { type: "project", id } } : { group_id: id };
}

/** What a grant gives, here and, where that differs, below; who is only in a group has what the group has. */
function mayText({ permissions, below, acl_id }: ReviewEntry): string {
  if (acl_id === null) return "Is in this group";
  const here = permissionsText(permissions);
  const alike = Map.groupBy(below, (one) => permissionsText(one.permissions));
  const under = [...alike]
    .filter(([what]) => what !== here)
    .map(
      ([what, on]) => `${what} on ${on.map((one) => typePlurals[one.object_type].toLowerCase()).join(", ")}`,
    );
  return [...(here === "" ? [] : [here]), ...under].join("; ");
}

const columns: readonly Column<ReviewEntry>[] = [
  {
    header: "Who",
    isName: true,
    width: "24%",
    cell: ({ principal }) => (
      <Group gap="sm" wrap="nowrap">
        {principal.kind !== null && <SubjectIcon kind={principal.kind} />}
        <Text size="sm" fw={500}>
          {labelOf(principal)}
        </Text>
      </Group>
    ),
  },
  { header: "May", cell: mayText },
  {
    header: "How",
    cell: ({ paths }) => (
      <List size="sm" listStyleType="none">
        {paths.map((path, index) => (
          <List.Item key={index}>{pathText(path)}</List.Item>
        ))}
      </List>
    ),
  },
  { header: "Since", width: 120, cell: (entry) => <When at={entry.since} never="" /> },
  { header: "Last used a key", width: 140, cell: (entry) => <When at={entry.last_used_at} /> },
  {
    header: "Marks",
    width: 150,
    cell: (entry) => (
      <Group gap={4}>
        {entry.marks.map((mark) => (
          <Badge key={mark} color="orange" variant="outline" c="inherit" tt="none" title={marks[mark]?.help}>
            {markName(mark)}
          </Badge>
        ))}
      </Group>
    ),
  },
];

function Entries({ of, cursor }: { readonly of: Reviewed; readonly cursor: string | undefined }) {
  const query = useQuery(reviewQuery(of, cursor));
  return (
    <>
      <DataTable
        caption="Who has what"
        query={query}
        rows={(data) => data.entries}
        rowKey={(entry) => `${entry.principal.id} ${entry.acl_id ?? "member"}`}
        columns={columns}
        empty={
          <EmptyState icon={IconClipboardCheck} title="Nothing to review">
            Nothing is granted here.
          </EmptyState>
        }
      />
      <Pager current={cursor} next={query.isPlaceholderData ? null : query.data?.cursor} />
    </>
  );
}

interface ExportButtonProps {
  readonly of: Reviewed;
  readonly kind: "project" | "group";
  readonly id: string;
}

const csvHeader = ["Who", "E-mail", "Kind", "May", "How", "Since", "Until", "Last used a key", "Marks"];

function ExportButton({ of, kind, id }: ExportButtonProps) {
  const project = useQuery({ ...objectQuery("project", id), enabled: kind === "project" });
  const group = useQuery({ ...groupQuery(id), enabled: kind === "group" });
  const name = (kind === "project" ? project.data : group.data)?.name ?? kind;
  const save = useMutation({
    mutationFn: () => wholeReview(of),
    onSuccess(entries) {
      const rows = entries.map((entry) => [
        labelOf(entry.principal),
        entry.principal.email ?? "",
        entry.principal.kind ?? "no member",
        mayText(entry),
        entry.paths.map(pathText).join("; "),
        entry.since ?? "",
        entry.expires_at ?? "",
        entry.last_used_at ?? "",
        entry.marks.map(markName).join("; "),
      ]);
      download(`Access review ${name}.csv`, csvOf(csvHeader, rows));
    },
  });
  return (
    <>
      {save.error !== null && <ErrorState error={save.error} />}
      <Button
        variant="default"
        leftSection={<IconDownload size={18} aria-hidden />}
        loading={save.isPending}
        onClick={() => save.mutate()}
      >
        Export as CSV
      </Button>
    </>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
