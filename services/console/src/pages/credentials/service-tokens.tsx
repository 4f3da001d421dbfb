import { Button, Input, Text } from "@mantine/core";
import { IconPlus, IconRobot } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { createServiceToken, type ServiceToken, serviceTokensQuery } from "../../api/credentials.ts";
import { type DirectoryEntry, labelOf } from "../../api/directory.ts";
import { DataTable, Pager } from "../../ui/data-table.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { Page } from "../../ui/page.tsx";
import { type Secret, SecretDialog } from "../../ui/secret-dialog.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { SubjectPicker } from "../../ui/subject-picker.tsx";
import { credentialColumns } from "./credential-table.tsx";
import { LimitsFields, limitsOf, useLimits } from "./limits-fields.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { RotateDialog } from "./rotate-dialog.tsx";

const from = "/signed-in/settings/service-tokens";

export function ServiceTokensPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/service-tokens" });
  const query = useQuery(serviceTokensQuery(search.after));
  const [secrets, setSecrets] = useState<readonly Secret[]>([]);
  const close = () => void navigate({ search: ({ create: _c, rotate: _t, revoke: _v, ...rest }) => rest });
  const named = (id: string | undefined) =>
    query.data?.objects.find((token) => token.id === id)?.name ?? "this token";
  const columns = credentialColumns<ServiceToken>({
    holder: { header: "Service account", cell: (token) => token.service_account_name ?? "…" },
    mayRotate: () => true,
    onRotate: (rotate) => void navigate({ search: (before) => ({ ...before, rotate }) }),
    onRevoke: (revoke) => void navigate({ search: (before) => ({ ...before, revoke }) }),
  });
  return (
    <Page
      title="Service tokens"
      purpose="With a service token a program acts as its service account. Only Owners see and make them."
      actions={
        query.error === null && (
          <Button
            leftSection={<IconPlus size={18} aria-hidden />}
            onClick={() => void navigate({ search: (before) => ({ ...before, create: true }) })}
          >
            Create service token
          </Button>
        )
      }
    >
      <DataTable
        caption="Service tokens"
        query={query}
        rows={(data) => data.objects}
        rowKey={(token) => token.id}
        columns={columns}
        empty={
          <EmptyState icon={IconRobot} title="No service tokens">
            Create a service account under Members first, then a token for it here.
          </EmptyState>
        }
      />
      <Pager name="after" current={search.after} next={query.isPlaceholderData ? null : query.data?.next} />
      <CreateDialog
        opened={search.create === true}
        onClose={close}
        onMade={(secret) => setSecrets([secret])}
      />
      <RotateDialog
        kind="serviceToken"
        id={search.rotate}
        name={named(search.rotate)}
        onClose={close}
        onMade={(secret) => setSecrets([secret])}
      />
      <RevokeDialog kind="serviceToken" id={search.revoke} name={named(search.revoke)} onClose={close} />
      <SecretDialog secrets={secrets} onClose={() => setSecrets([])} />
    </Page>
  );
}

interface CreateDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onMade: (secret: Secret) => void;
}

function CreateDialog({ opened, onClose, onMade }: CreateDialogProps) {
  const { draft, setDraft, reset } = useLimits();
  const [account, setAccount] = useState<DirectoryEntry | null>(null);
  const queryClient = useQueryClient();
  const create = useMutation({
    mutationFn: (accountId: string) =>
      createServiceToken({ ...limitsOf(draft), service_account_id: accountId }),
    gcTime: 0,
    async onSuccess(made) {
      create.reset();
      reset();
      setAccount(null);
      onClose();
      onMade({ of: `Service token “${made.name}”`, value: made.key });
      await queryClient.invalidateQueries({ queryKey: ["credentials"] });
    },
  });
  return (
    <FormDialog
      title="Create service token"
      submit="Create"
      opened={opened}
      onClose={onClose}
      onSubmit={() => account !== null && create.mutate(account.id)}
      pending={create.isPending}
      error={create.error}
      disabled={account === null}
    >
      {account === null ? (
        <SubjectPicker
          label="Service account"
          description="Who the program is: service accounts are made under Members"
          placeholder="Type the name of a service account"
          kinds={["service_account"]}
          onPick={setAccount}
        />
      ) : (
        <Input.Wrapper label="Service account">
          <Text size="sm">
            {labelOf(account)}{" "}
            <Button size="compact-xs" variant="default" ml="xs" onClick={() => setAccount(null)}>
              Choose another
            </Button>
          </Text>
        </Input.Wrapper>
      )}
      <LimitsFields draft={draft} onChange={setDraft} />
    </FormDialog>
  );
}
