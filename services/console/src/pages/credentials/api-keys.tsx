import { Button, Tabs } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { type ApiKey, apiKeysQuery, createApiKey } from "../../api/credentials.ts";
import { nameOf } from "../../api/directory.ts";
import { sessionQuery } from "../../api/session.ts";
import { keyTabs } from "../../routing/routes.tsx";
import { DataTable, Pager } from "../../ui/data-table.tsx";
import { FormDialog } from "../../ui/dialog.tsx";
import { Page } from "../../ui/page.tsx";
import { type Secret, SecretDialog } from "../../ui/secret-dialog.tsx";
import { EmptyState } from "../../ui/states.tsx";
import { credentialColumns } from "./credential-table.tsx";
import { LimitsFields, limitsOf, useLimits } from "./limits-fields.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { RotateDialog } from "./rotate-dialog.tsx";

const from = "/signed-in/settings/api-keys";

export function ApiKeysPage() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/api-keys" });
  const { data: session } = useQuery(sessionQuery);
  const tab = search.tab ?? "own";
  const query = useQuery(apiKeysQuery(tab, search.after));
  const [secrets, setSecrets] = useState<readonly Secret[]>([]);
  const close = () => void navigate({ search: ({ create: _c, rotate: _t, revoke: _v, ...rest }) => rest });
  const named = (id: string | undefined) =>
    query.data?.objects.find((key) => key.id === id)?.name ?? "this key";
  const columns = credentialColumns<ApiKey>({
    ...(tab === "organization" && { holder: { header: "Whose", cell: holderOf } }),
    mayRotate: (key) => key.user_id === session?.principal_id,
    onRotate: (rotate) => void navigate({ search: (before) => ({ ...before, rotate }) }),
    onRevoke: (revoke) => void navigate({ search: (before) => ({ ...before, revoke }) }),
  });
  return (
    <Page
      title="API keys"
      purpose="With an API key your own programs act as you. Give each program its own, so that you can revoke it alone."
      actions={
        session?.kind === "user" && (
          <Button
            leftSection={<IconPlus size={18} aria-hidden />}
            onClick={() => void navigate({ search: (before) => ({ ...before, create: true }) })}
          >
            Create API key
          </Button>
        )
      }
    >
      {session?.owner === true && (
        <Tabs
          value={tab}
          onChange={(value) => {
            const wanted = keyTabs.find((one) => one === value);
            void navigate({ search: wanted === undefined || wanted === "own" ? {} : { tab: wanted } });
          }}
        >
          <Tabs.List>
            <Tabs.Tab value="own">Yours</Tabs.Tab>
            <Tabs.Tab value="organization">Everybody's</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="own">{null}</Tabs.Panel>
          <Tabs.Panel value="organization">{null}</Tabs.Panel>
        </Tabs>
      )}
      <DataTable
        caption="API keys"
        query={query}
        rows={(data) => data.objects}
        rowKey={(key) => key.id}
        columns={columns}
        empty={
          <EmptyState icon={IconKey} title="No API keys">
            Create one to use the API or an SDK in your name.
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
        kind="apiKey"
        id={search.rotate}
        name={named(search.rotate)}
        onClose={close}
        onMade={(secret) => setSecrets([secret])}
      />
      <RevokeDialog kind="apiKey" id={search.revoke} name={named(search.revoke)} onClose={close} />
      <SecretDialog secrets={secrets} onClose={() => setSecrets([])} />
    </Page>
  );
}

function holderOf(key: ApiKey): string {
  return nameOf({
    id: key.user_id ?? "",
    given_name: key.user_given_name,
    family_name: key.user_family_name,
    email: key.user_email,
  });
}

interface CreateDialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onMade: (secret: Secret) => void;
}

function CreateDialog({ opened, onClose, onMade }: CreateDialogProps) {
  const { draft, setDraft, reset } = useLimits();
  const queryClient = useQueryClient();
  const create = useMutation({
    mutationFn: () => createApiKey(limitsOf(draft)),
    gcTime: 0,
    async onSuccess(made) {
      create.reset();
      reset();
      onClose();
      onMade({ of: `API key “${made.name}”`, value: made.key });
      await queryClient.invalidateQueries({ queryKey: ["credentials"] });
    },
  });
  return (
    <FormDialog
      title="Create API key"
      submit="Create"
      opened={opened}
      onClose={onClose}
      onSubmit={() => create.mutate()}
      pending={create.isPending}
      error={create.error}
    >
      <LimitsFields draft={draft} onChange={setDraft} />
    </FormDialog>
  );
}
