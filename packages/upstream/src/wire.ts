// The logs as a decision service passes them on, both ways.

import type { LogEntry, LogStretch } from "@portcullis/facts";
import { dependencyToWire, factKeyToWire, logEntryFromWire } from "@portcullis/facts/wire";
import type { LogEntry as LogEntryMessage, Stretch } from "@portcullis/proto/upstream/v1/upstream";

/** Credentials are not named outside: of what touches one, any may have changed. */
export function stretchToWire({ incarnation, head, entries }: LogStretch): Stretch {
  return { incarnation, head, entries: entries.map(entryToWire) };
}

export function stretchFromWire({ incarnation, head, entries }: Stretch): LogStretch {
  return { incarnation, head, entries: entries.map(logEntryFromWire) };
}

function entryToWire({ position, touches, kinds, dependsOn }: LogEntry): LogEntryMessage {
  const named = touches.filter(({ kind }) => kind !== "credential");
  const touchesCredentials = named.length < touches.length && !kinds.includes("credential");
  return {
    position,
    touches: named.map(factKeyToWire),
    touchedKinds: touchesCredentials ? [...kinds, "credential"] : [...kinds],
    dependsOn: dependsOn.map(dependencyToWire),
  };
}
