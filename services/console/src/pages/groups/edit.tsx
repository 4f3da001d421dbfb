import { Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { changeGroup, type Group, type GroupChange } from "../../api/groups.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { announce } from "../../ui/toast.tsx";

interface EditGroupDialogProps {
  readonly group: Group;
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function EditGroupDialog({ group, opened, onClose }: EditGroupDialogProps) {
  // What nobody touches here stays as it is, whoever changes it meanwhile.
  const [draft, setDraft] = useState<Pick<GroupChange, "name" | "description">>({});
  const { name = group.name, description = group.description ?? "" } = draft;
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: () => changeGroup(group.id, draft),
    async onSuccess() {
      await queryClient.invalidateQueries();
      announce("Saved");
      close();
    },
  });
  const close = () => {
    setDraft({});
    save.reset();
    onClose();
  };
  return (
    <FormDialog
      title={`Edit ${group.name}`}
      submit="Save"
      opened={opened}
      onClose={close}
      onSubmit={() => save.mutate()}
      pending={save.isPending}
      error={save.error}
    >
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
        required
        maxLength={255}
        data-autofocus
      />
      <Textarea
        label="Description"
        value={description}
        onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
        autosize
        minRows={2}
      />
    </FormDialog>
  );
}
