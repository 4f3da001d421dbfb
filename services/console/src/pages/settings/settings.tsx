import { Badge, Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type AccessSettings, accessSettingsQuery, changeAccessSettings } from "../../api/settings.ts";
import { FormDialog } from "../../ui/dialog.tsx";
import { Page } from "../../ui/page.tsx";
import { ErrorState } from "../../ui/states.tsx";
import { announce } from "../../ui/toast.tsx";

const from = "/signed-in/settings/access";

export type Setting = keyof AccessSettings;

interface Meaning {
  readonly title: string;
  readonly means: string;
  /** What changes, and what does not, when it is turned on or off. */
  readonly on: string;
  readonly off: string;
}

const meanings: Readonly<Record<Setting, Meaning>> = {
  creator_owner_grant: {
    title: "Creators own what they create",
    means:
      "Whoever creates a project, a group or anything else is granted the role Owner on it. The grant can be removed like any other.",
    on: "From now on, whoever creates something is granted the role Owner on it. What was created before stays as it is.",
    off: "From now on, nobody is granted anything on what they create. They may do with it what their groups let them. Grants from before stay until somebody removes them.",
  },
  grant_cap: {
    title: "Nobody grants more than they have",
    means:
      "Whoever manages access to something can hand on only what they hold on it themselves. Without this they can grant anything on it, to themselves too.",
    on: "From now on, nobody can grant what they don't hold. What was granted before stays.",
    off: "From now on, everybody who manages access to something can grant anything on it, to themselves too.",
  },
};
const settings = Object.keys(meanings) as readonly Setting[];

/** The settings of access control; a change is confirmed, as it changes what others can do. */
export function SettingsPage() {
  const { change } = useSearch({ from });
  const navigate = useNavigate({ from: "/settings/access" });
  const query = useQuery(accessSettingsQuery);
  const open = (setting: Setting) => void navigate({ search: { change: setting } });
  return (
    <Page title="Access settings" purpose="Rules that hold for everybody in this organization.">
      {query.error !== null && <ErrorState error={query.error} reset={() => void query.refetch()} />}
      {query.error === null &&
        settings.map((setting) => (
          <SettingCard
            key={setting}
            meaning={meanings[setting]}
            isOn={query.data?.[setting]}
            onChange={() => open(setting)}
          />
        ))}
      {query.data !== undefined && (
        <ChangeDialog current={query.data} setting={change} onClose={() => void navigate({ search: {} })} />
      )}
    </Page>
  );
}

interface SettingCardProps {
  readonly meaning: Meaning;
  /** Undefined: not known yet. */
  readonly isOn: boolean | undefined;
  readonly onChange: () => void;
}

function SettingCard({ meaning: { title, means }, isOn, onChange }: SettingCardProps) {
  return (
    <Paper withBorder p="lg" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start" gap="md">
        <Stack gap={4} flex="1 1 320px">
          <Group gap="sm">
            <Title order={2} size="h4">
              {title}
            </Title>
            {isOn === undefined ? (
              <Skeleton w={44} h={20} />
            ) : (
              <Badge variant="outline" color={isOn ? "teal" : "gray"} c="inherit" tt="none">
                {isOn ? "On" : "Off"}
              </Badge>
            )}
          </Group>
          <Text size="sm" className="muted" maw={620}>
            {means}
          </Text>
        </Stack>
        <Button variant="default" disabled={isOn === undefined} onClick={onChange}>
          {isOn === true ? "Turn off" : "Turn on"}
          <span className="visually-hidden">: {title}</span>
        </Button>
      </Group>
    </Paper>
  );
}

interface ChangeDialogProps {
  readonly current: AccessSettings;
  readonly setting: Setting | undefined;
  readonly onClose: () => void;
}

function ChangeDialog({ current, setting, onClose }: ChangeDialogProps) {
  const queryClient = useQueryClient();
  const change = useMutation({
    mutationFn: changeAccessSettings,
    async onSuccess(changed) {
      queryClient.setQueryData(accessSettingsQuery.queryKey, changed);
      onClose();
      announce("The setting was changed");
      await queryClient.invalidateQueries({ queryKey: accessSettingsQuery.queryKey });
    },
  });
  const close = () => {
    change.reset();
    onClose();
  };
  const isOn = setting !== undefined && current[setting];
  const { title, on, off } = meanings[setting ?? "grant_cap"];
  return (
    <FormDialog
      title={`${isOn ? "Turn off" : "Turn on"}: ${title}`}
      submit={isOn ? "Turn off" : "Turn on"}
      opened={setting !== undefined}
      onClose={close}
      onSubmit={() => setting !== undefined && change.mutate({ [setting]: !isOn })}
      pending={change.isPending}
      error={change.error}
    >
      <Text size="sm">{isOn ? off : on}</Text>
    </FormDialog>
  );
}
