import { Alert } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useEffect, useState, useSyncExternalStore } from "react";

let current = { text: "", number: 0, failed: false };
const listeners = new Set<() => void>();
const shownMs = 6_000;

/** Says that something was done, to eyes and to screen readers. */
export function announce(text: string): void {
  say(text, false);
}

/** Says that something was not done, where there is no dialog to say it in. */
export function announceFailure(text: string): void {
  say(text, true);
}

function say(text: string, failed: boolean): void {
  current = { text, number: current.number + 1, failed };
  for (const listener of listeners) listener();
}

/** Where announcements appear; once in the app. */
export function Toast() {
  const said = useSyncExternalStore(subscribe, () => current);
  const [closed, setClosed] = useState(0);
  const open = said.text !== "" && closed !== said.number;
  useEffect(() => {
    if (!open) return;
    const timer = setTimeout(() => setClosed(said.number), shownMs);
    return () => clearTimeout(timer);
  }, [open, said]);
  return (
    <div className="toast" role="status">
      {open && (
        <Alert
          color={said.failed ? "red.9" : "teal"}
          variant="filled"
          icon={said.failed ? <IconAlertTriangle aria-hidden /> : <IconCheck aria-hidden />}
          withCloseButton
          closeButtonLabel="Close this message"
          onClose={() => setClosed(said.number)}
          autoContrast
        >
          {said.text}
        </Alert>
      )}
    </div>
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
