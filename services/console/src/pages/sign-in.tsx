import {
  Alert,
  Button,
  Center,
  Divider,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { type SubmitEvent, useEffect, useState } from "react";
import { reasonOf } from "../api/http.ts";
import { sessionQuery, signIn, signInOptionsQuery } from "../api/session.ts";
import { consolePath } from "../routing/return-to.ts";
import { Logo } from "../shell/logo.tsx";

export function SignInPage() {
  const { return_to: returnTo, ended } = useSearch({ from: "/sign-in" });
  const [apiKey, setApiKey] = useState("");
  const queryClient = useQueryClient();
  const router = useRouter();
  const options = useQuery(signInOptionsQuery);
  const target = consolePath(returnTo);
  useEffect(() => {
    document.title = "Sign in · Portcullis";
  }, []);
  const enter = useMutation({
    mutationFn: () => signIn(apiKey.trim()),
    onSuccess(session) {
      setApiKey("");
      queryClient.clear();
      queryClient.setQueryData(sessionQuery.queryKey, session);
      router.history.push(target);
    },
  });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    enter.mutate();
  };
  const singleSignOn = options.data?.single_sign_on ?? null;
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="xl" w="100%" maw={420} shadow="sm">
        <Stack gap="md">
          <Group gap="sm">
            <Logo size={36} />
            <Title order={1} size="h2">
              Sign in to Portcullis
            </Title>
          </Group>
          <Text className="muted" size="sm">
            Portcullis decides who may do what in your organization. Sign in to see and change that.
          </Text>
          {ended === true && !enter.isError && (
            <Alert color="blue" role="status">
              Your session has ended. Sign in again to go on where you were.
            </Alert>
          )}
          {singleSignOn !== null && (
            <>
              <Button
                component="a"
                href={`${singleSignOn.url}?return_to=${encodeURIComponent(target)}`}
                size="md"
                fullWidth
              >
                Sign in with {singleSignOn.name}
              </Button>
              <Divider label="or with an API key" />
            </>
          )}
          <form onSubmit={submit}>
            <Stack gap="sm">
              <PasswordInput
                label="API key"
                description="It begins with sk-. Whoever set up Portcullis has the first one."
                value={apiKey}
                onChange={(event) => setApiKey(event.currentTarget.value)}
                required
                autoComplete="off"
                spellCheck={false}
                error={enter.isError ? problemWith(enter.error) : null}
                visibilityToggleButtonProps={{ "aria-label": "Show the key" }}
              />
              <Button
                type="submit"
                loading={enter.isPending}
                variant={singleSignOn === null ? "filled" : "default"}
                size="md"
                fullWidth
              >
                Sign in
              </Button>
            </Stack>
          </form>
        </Stack>
      </Paper>
    </Center>
  );
}

function problemWith(error: unknown): string {
  const status = typeof error === "object" && error !== null && "status" in error ? error.status : null;
  if (status === 401) return "This key isn't known: it is mistyped, expired or revoked";
  if (status === 429) return "Too many wrong keys: wait a minute and try again";
  return reasonOf(error);
}
