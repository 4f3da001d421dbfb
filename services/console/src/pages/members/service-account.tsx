import { Checkbox, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { invite } from "../../api/directory.ts";
import { sessionQuery } from "../../api/session.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { GroupsField } from "../../ui/groups-field.tsx";
import { type Secret, SecretDialog } from "../../ui/secret-dialog.tsx";
import { announce } from "../../ui/toast.tsx";

interface ServiceAccountDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function ServiceAccountDialog({ opened, onClose }: ServiceAccountDialogProps) {
  const [name, setName] = useState("");
  const [groupIds, setGroupIds] = useState<readonly string[]>([]);
  const [withToken, setWithToken] = useState(false);
  const [secrets, setSecrets] = useState<readonly Secret[]>([]);
  const { data: session } = useQuery(sessionQuery);
  const queryClient = useQueryClient();
  const create = useMutation({
    mutationFn: () =>
      invite({ service_accounts: [{ name, ...(withToken && { token_name: name }) }], group_ids: groupIds }),
    // The answer may hold a secret: it is kept by the dialog that shows it, and nowhere else.
    gcTime: 0,
    async onSuccess({ added_users: added }) {
      await queryClient.invalidateQueries();
      // A name that is there already is no failure, and the groups are given to whom it names.
      announce(
        added.length === 0
          ? `Service account ${name} was there already${groupIds.length > 0 ? ", and joined these groups" : ""}`
          : `Service account ${name} created`,
      );
      setSecrets(
        added.flatMap(({ api_key: value }) =>
          value === null ? [] : [{ of: `Service token of ${name}`, value }],
        ),
      );
      setName("");
      setGroupIds([]);
      create.reset();
      onClose();
    },
  });
  return (
    <>
      <FormDialog
        title="Create service account"
        submit="Create"
        opened={opened}
        onClose={onClose}
        onSubmit={() => create.mutate()}
        pending={create.isPending}
        error={create.error}
      >
        <TextInput
          label="Name"
          description="The program that will use it, as “deploy pipeline”"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
          maxLength={255}
          data-autofocus
        />
        <GroupsField label="Permission groups" value={groupIds} onChange={setGroupIds} />
        {session?.owner === true && (
          <Checkbox
            label="Create a first service token"
            checked={withToken}
            onChange={(event) => setWithToken(event.currentTarget.checked)}
          />
        )}
      </FormDialog>
      <SecretDialog secrets={secrets} onClose={() => setSecrets([])} />
    </>
  );
}
