import { type ReactNode, Suspense, useState } from "react";

/** A dialog whose code is loaded when it is opened for the first time; from then on it stays, to close gently. */
export function LazyDialog({ opened, children }: { readonly opened: boolean; readonly children: ReactNode }) {
  const [wasOpened, setWasOpened] = useState(opened);
  if (opened && !wasOpened) setWasOpened(true);
  return wasOpened ? <Suspense fallback={null}>{children}</Suspense> : null;
}
