import { ActionIcon, Menu, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { AnyCredential, Scope } from "../../api/credentials.ts";
import { objectLabel, objectNamesQuery } from "../../api/objects.ts";
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
    { header: "May be used for", cell: (row) => <ScopeText scope={row.scope} /> },
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

function ScopeText({ scope }: { readonly scope: Scope | null }) {
  const objects = scope?.objects ?? [];
  const names = useQuery({ ...objectNamesQuery(objects), enabled: objects.length > 0 });
  return scopeText(
    scope,
    objects.map((object) => objectLabel(object, names.data)),
  );
}

const namedMax = 3;

function scopeText(scope: Scope | null, objects: readonly string[]): string {
  if (scope === null) return "Everything that its holder may do";
  const { permissions, object_types: types } = scope;
  const what = permissions === null ? "Everything" : permissionsText(permissions);
  const on = types === null ? "" : ` on ${types.map((type) => typePlurals[type].toLowerCase()).join(", ")}`;
  if (scope.objects === null) return what + on;
  const more = objects.length - namedMax;
  const named = objects.slice(0, namedMax).join(", ");
  return `${what}${on}, within ${named}${more > 0 ? ` and ${more} more` : ""}`;
}
