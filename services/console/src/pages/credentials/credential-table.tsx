import { ActionIcon, Menu, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import type { AnyCredential, Scope } from "../../api/credentials.ts";
import { permissionsText, typePlurals } from "../../permissions/words.ts";
import type { Column } from "../../ui/data-table.tsx";
import { When } from "../../ui/time.tsx";

interface ColumnsOf<Row> {
  /** Whose it is, where that is not everybody's own. */
  readonly holder?: Column<Row>;
  readonly mayRotate: (row: Row) => boolean;
  readonly onRotate: (id: string) => void;
  readonly onRevoke: (id: string) => void;
}

/** What is shown of API keys and of service tokens alike. */
export function credentialColumns<Row extends AnyCredential>(of: ColumnsOf<Row>): readonly Column<Row>[] {
  const { holder, mayRotate, onRotate, onRevoke } = of;
  return [
    {
      header: "Name",
      isName: true,
      cell: (row) => (
        <div>
          <Text size="sm" fw={500}>
            {row.name}
          </Text>
          <Text size="xs" className="muted" ff="monospace">
            {row.preview_name}
          </Text>
        </div>
      ),
    },
    ...(holder === undefined ? [] : [holder]),
    { header: "May be used for", cell: (row) => scopeText(row.scope) },
    { header: "Created", width: 130, cell: (row) => <When at={row.created} /> },
    { header: "Last used", width: 130, cell: (row) => <When at={row.last_used_at} /> },
    { header: "Stops working", width: 140, cell: (row) => <When at={row.expires_at} /> },
    {
      header: "Actions",
      actions: true,
      width: 60,
      cell: (row) => (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Actions for ${row.name}`}>
              <IconDots size={18} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {mayRotate(row) && <Menu.Item onClick={() => onRotate(row.id)}>Rotate</Menu.Item>}
            <Menu.Item color="red" onClick={() => onRevoke(row.id)}>
              Revoke
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      ),
    },
  ];
}

function scopeText(scope: Scope | null): string {
  if (scope === null) return "Everything that its holder may do";
  const { permissions, object_types: types, objects } = scope;
  const what = permissions === null ? "Everything" : permissionsText(permissions);
  const on = types === null ? "" : ` on ${types.map((type) => typePlurals[type].toLowerCase()).join(", ")}`;
  return `${what}${on}${objects === null ? "" : `, below ${objects.length} chosen object${objects.length === 1 ? "" : "s"}`}`;
}
