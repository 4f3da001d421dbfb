import { Alert, Button, Code, CopyButton, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCopy } from "@tabler/icons-react";
import { Dialog } from "./dialog.tsx";

export interface Secret {
  /** What it is, as `API key "laptop"`. */
  readonly of: string;
  readonly value: string;
}

interface SecretDialogProps {
  readonly secrets: readonly Secret[];
  readonly onClose: () => void;
}

/** Shows secrets this once; they are kept nowhere. */
export function SecretDialog({ secrets, onClose }: SecretDialogProps) {
  return (
    <Dialog title="Copy it now" opened={secrets.length > 0} onClose={onClose} size="lg">
      <Stack gap="md">
        <Alert color="orange" icon={<IconAlertTriangle aria-hidden />}>
          This is shown once. Portcullis keeps only a fingerprint of it, so nobody can show it to you again.
        </Alert>
        {secrets.map((secret) => (
          <div key={secret.value}>
            <Text size="sm" fw={600}>
              {secret.of}
            </Text>
            <Group gap="xs" wrap="nowrap" mt={4}>
              <Code block data-testid="secret" flex={1} tabIndex={0} aria-label={secret.of}>
                {secret.value}
              </Code>
              <CopyButton value={secret.value}>
                {({ copied, copy }) => (
                  <Button
                    variant="default"
                    onClick={copy}
                    leftSection={
                      copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />
                    }
                  >
                    {copied ? "Copied" : "Copy"}
                  </Button>
                )}
              </CopyButton>
            </Group>
          </div>
        ))}
        <Group justify="flex-end">
          <Button onClick={onClose}>I have copied it</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
