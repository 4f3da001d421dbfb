import { Checkbox, MultiSelect, Table, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeRole, createRole, type Role, type RoleContent } from "../../api/roles.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { announce } from "../../ui/toast.tsx";
import { cellState, changeBetween, matrixColumns, matrixRows, rowLabel, withCell } from "./role-matrix.ts";

interface RoleDialogProps {
  readonly opened: boolean;
  /** Null: a new one. */
  readonly role: Role | null;
  readonly roles: readonly Role[];
  readonly onClose: () => void;
}

interface Draft {
  /** How the role was when the first change was made here: what others change meanwhile is not taken back. */
  readonly before: RoleContent;
  readonly after: RoleContent;
}

const empty: RoleContent = { name: "", description: "", member_permissions: [], member_roles: [] };

export function RoleDialog({ opened, role, roles, onClose }: RoleDialogProps) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const standing = role === null ? empty : contentOf(role);
  const { before, after: content } = draft ?? { before: standing, after: standing };
  const set = (part: Partial<RoleContent>) => setDraft({ before, after: { ...content, ...part } });
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: () =>
      role === null ? createRole(content) : changeRole(role.id, changeBetween(before, content)),
    async onSuccess() {
      await queryClient.invalidateQueries();
      announce(role === null ? `Role ${content.name} created` : `Role ${content.name} saved`);
      setDraft(null);
      onClose();
    },
  });
  return (
    <FormDialog
      title={role === null ? "Create role" : `Edit ${role.name}`}
      submit={role === null ? "Create" : "Save"}
      opened={opened}
      onClose={() => {
        setDraft(null);
        onClose();
      }}
      onSubmit={() => save.mutate()}
      pending={save.isPending}
      error={save.error}
      size="xl"
    >
      <TextInput
        label="Name"
        value={content.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
        required
        maxLength={255}
        data-autofocus
      />
      <Textarea
        label="Description"
        value={content.description}
        onChange={(event) => set({ description: event.currentTarget.value })}
        autosize
      />
      <MultiSelect
        label="Includes these roles"
        description="It gives what they give, also when they are changed"
        data={roles.filter((one) => one.id !== role?.id).map(({ id, name }) => ({ value: id, label: name }))}
        value={[...content.member_roles]}
        onChange={(ids) => set({ member_roles: ids })}
        searchable
      />
      <Matrix content={content} onChange={set} />
    </FormDialog>
  );
}

function contentOf({ name, description, member_permissions, member_roles }: Role): RoleContent {
  return { name, description: description ?? "", member_permissions, member_roles };
}

interface MatrixProps {
  readonly content: RoleContent;
  readonly onChange: (part: Partial<RoleContent>) => void;
}

function Matrix({ content, onChange }: MatrixProps) {
  const held = content.member_permissions;
  return (
    <Table.ScrollContainer
      minWidth={560}
      type="native"
      tabIndex={0}
      role="region"
      aria-label="What the role gives"
    >
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">What the role gives on</Table.Th>
            {matrixColumns.map(({ id, label }) => (
              <Table.Th key={id} scope="col">
                {label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {matrixRows.map((type) => (
            <Table.Tr key={type ?? "everything"}>
              <Table.Th scope="row" fw={500}>
                {rowLabel(type)}
              </Table.Th>
              {matrixColumns.map((column) => {
                const state = cellState(held, type, column);
                const isGiven = type !== null && cellState(held, null, column) === "on";
                return (
                  <Table.Td key={column.id}>
                    <Checkbox
                      aria-label={`${rowLabel(type)}: ${column.label}`}
                      checked={isGiven || state === "on"}
                      indeterminate={!isGiven && state === "some"}
                      disabled={isGiven}
                      onChange={(event) =>
                        onChange({
                          member_permissions: withCell(held, type, column, event.currentTarget.checked),
                        })
                      }
                    />
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
