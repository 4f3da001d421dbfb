import { Text, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { invite } from "../../api/directory.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { GroupsField } from "../../ui/groups-field.tsx";
import { announce } from "../../ui/toast.tsx";
import { readEmails } from "./emails.ts";

interface InviteDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
}

export function InviteDialog({ opened, onClose }: InviteDialogProps) {
  const [text, setText] = useState("");
  const [groupIds, setGroupIds] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const queryClient = useQueryClient();
  const send = useMutation({
    mutationFn: (emails: readonly string[]) => invite({ emails, group_ids: groupIds }),
    async onSuccess({ added_users: added }, emails) {
      await queryClient.invalidateQueries();
      const before = emails.length - added.length;
      const joined = groupIds.length > 0 ? ", and joined these groups" : "";
      announce(
        `${added.length === 1 ? "1 member" : `${added.length} members`} invited` +
          (before > 0
            ? `, ${before} ${before === 1 ? "was a member" : "were members"} already${joined}`
            : ""),
      );
      setText("");
      setGroupIds([]);
      onClose();
    },
  });
  const submit = () => {
    const { emails, wrong } = readEmails(text);
    if (wrong !== null) return setProblem(`Line ${wrong.line} is no e-mail address: ${wrong.text}`);
    if (emails.length === 0) return setProblem("Write at least one e-mail address");
    setProblem(null);
    send.mutate(emails);
  };
  return (
    <FormDialog
      title="Invite members"
      submit="Invite"
      opened={opened}
      onClose={onClose}
      onSubmit={submit}
      pending={send.isPending}
      error={send.error}
    >
      <Textarea
        label="E-mail addresses"
        description="One per line"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        autosize
        minRows={4}
        maxRows={12}
        error={problem}
        data-autofocus
        spellCheck={false}
      />
      <GroupsField
        label="Permission groups"
        description="Who is in no group can sign in, but do nothing"
        value={groupIds}
        onChange={setGroupIds}
      />
      <Text size="sm" className="muted">
        They are members at once. No e-mail is sent by Portcullis: tell them yourself.
      </Text>
    </FormDialog>
  );
}
