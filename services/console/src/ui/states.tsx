// What a page or a part of one shows when it has nothing to show. One component each, used everywhere.

import { Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCloudOff,
  type IconInbox,
  IconLock,
  IconMapQuestion,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { ApiError, reasonOf } from "../api/http.ts";
import { ButtonLink } from "./links.tsx";

interface StateProps {
  readonly icon: typeof IconInbox;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  /** Whether it came instead of what was wanted, and is to be announced at once. */
  readonly alert?: boolean;
  /** Whether it stands for a whole page, and so brings the page's heading. */
  readonly page?: boolean;
}

function State({ icon: Icon, title, children, action, alert = false, page = false }: StateProps) {
  return (
    <Paper withBorder p="xl" role={alert ? "alert" : undefined}>
      <Stack align="center" gap="xs" ta="center" mih={180} justify="center">
        <Icon size={32} stroke={1.5} aria-hidden />
        <Title order={page ? 1 : 2} size="h4">
          {title}
        </Title>
        {children !== undefined && (
          <Text size="sm" maw={460} className="muted">
            {children}
          </Text>
        )}
        {action !== undefined && <Group mt="sm">{action}</Group>}
      </Stack>
    </Paper>
  );
}

/** Nothing is there yet, or nothing fits what was looked for; says what to do about it. */
export function EmptyState(props: Omit<StateProps, "alert" | "page">) {
  return <State {...props} />;
}

interface ErrorStateProps {
  readonly error: unknown;
  /** Tries again. */
  readonly reset?: () => void;
  readonly page?: boolean;
}

/** Something else came than what was asked for; which of the states it is, its status says. */
export function ErrorState({ error, reset, page = false }: ErrorStateProps) {
  const status = error instanceof ApiError ? error.status : null;
  if (status === 403) return <ForbiddenState page={page} reason={reasonOf(error)} />;
  if (status === 404) return <NotFoundState page={page} />;
  const retry = (
    <Button variant="default" onClick={() => (reset === undefined ? location.reload() : reset())}>
      Try again
    </Button>
  );
  if (status === 503 || status === 0 || status === 429) {
    return (
      <State
        alert
        page={page}
        icon={IconCloudOff}
        title={status === 429 ? "Too many requests" : "Portcullis can't answer right now"}
        action={retry}
      >
        {status === 0
          ? "The server can't be reached. Check your connection. Nothing was lost."
          : "This usually passes within a minute. Nothing was lost."}
      </State>
    );
  }
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <State alert page={page} icon={IconAlertTriangle} title="Something went wrong" action={retry}>
      {reasonOf(error)}
      {requestId !== null && ` (request ${requestId})`}
    </State>
  );
}

function ForbiddenState({ reason, page }: { readonly reason: string; readonly page: boolean }) {
  return (
    <State alert page={page} icon={IconLock} title="You don't have access to this">
      {"Ask somebody who can manage access in your organization, such as a member of the group Owners. "}
      {`Portcullis says: ${reason}.`}
    </State>
  );
}

export function NotFoundState({ page = false }: { readonly page?: boolean }) {
  return (
    <State
      alert
      page={page}
      icon={IconMapQuestion}
      title="There is nothing here"
      action={
        <ButtonLink to="/" variant="default">
          Go to the start page
        </ButtonLink>
      }
    >
      It was deleted, the address is wrong, or you may not see it.
    </State>
  );
}

/** While a page's code or its first data is on its way. */
export function PageSkeleton() {
  return (
    <Stack gap="md" aria-busy="true" aria-label="Loading" role="status">
      <Skeleton h={34} w={240} />
      <Skeleton h={20} w="60%" />
      <ListSkeleton />
    </Stack>
  );
}

/** Rows as high as those that come. */
export function ListSkeleton({ rows = 8 }: { readonly rows?: number }) {
  return (
    <Stack gap={0} aria-hidden>
      {Array.from({ length: rows }, (_, index) => (
        <Group key={index} h={52} wrap="nowrap">
          <Skeleton h={16} w="30%" />
          <Skeleton h={16} w="45%" />
          <Skeleton h={16} w="15%" />
        </Group>
      ))}
    </Stack>
  );
}
