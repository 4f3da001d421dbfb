import { Alert, Button, Group, Modal, Stack } from "@mantine/core";
import { type ReactNode, type SubmitEvent, useEffect, useRef } from "react";
import { reasonOf } from "../api/http.ts";
import { returnFocus } from "./focus.ts";

interface DialogProps {
  readonly title: string;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly size?: string | number;
  readonly children: ReactNode;
}

/** A dialog: keeps the focus in itself, and gives it back. */
export function Dialog({ title, opened, onClose, size = "md", children }: DialogProps) {
  const wasOpened = useRef(false);
  useEffect(() => {
    if (wasOpened.current && !opened) returnFocus();
    wasOpened.current = opened;
  }, [opened]);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      styles={{ title: { fontWeight: 650, fontSize: "var(--mantine-font-size-lg)", lineHeight: 1.3 } }}
      size={size}
      returnFocus={false}
      // It is no banner of the page.
      attributes={{ header: { role: "presentation" } }}
      closeButtonProps={{ "aria-label": "Close" }}
      transitionProps={{ duration: 120 }}
    >
      {children}
    </Modal>
  );
}

interface FormDialogProps extends DialogProps {
  readonly submit: string;
  readonly onSubmit: () => void;
  readonly pending?: boolean;
  readonly error?: unknown;
  readonly disabled?: boolean;
  /** It ends something. */
  readonly destroys?: boolean;
}

/** A dialog with a form; what went wrong stands above its buttons. */
export function FormDialog(props: FormDialogProps) {
  const {
    submit,
    onSubmit,
    pending = false,
    error = null,
    disabled = false,
    destroys = false,
    ...dialog
  } = props;
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Dialog {...dialog}>
      <form onSubmit={send} noValidate={false}>
        <Stack gap="md">
          {props.children}
          {error !== null && error !== undefined && (
            <Alert color="red" role="alert" title="This was not done">
              {reasonOf(error)}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={props.onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={pending} disabled={disabled} color={destroys ? "red.9" : "indigo"}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
