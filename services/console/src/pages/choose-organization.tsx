import { Button, Center, Paper, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Navigate, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { ApiError } from "../api/http.ts";
import { chooseOrganization, organizationChoiceQuery, sessionQuery } from "../api/session.ts";
import { consolePath } from "../routing/return-to.ts";
import { ErrorState, ListSkeleton } from "../ui/states.tsx";

/** Who is a member of several organisations says here which one they come for. */
export function ChooseOrganizationPage() {
  const choice = useQuery(organizationChoiceQuery);
  const queryClient = useQueryClient();
  const router = useRouter();
  useEffect(() => {
    document.title = "Choose an organization · Portcullis";
  }, []);
  const enter = useMutation({
    mutationFn: chooseOrganization,
    onSuccess(session) {
      const target = consolePath(choice.data?.return_to);
      // The choice ends when it is made. This page, which is there for a moment more, must not ask for it again: it would
      // hear that nobody has signed in.
      const [shown] = organizationChoiceQuery.queryKey;
      queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== shown });
      queryClient.setQueryData(sessionQuery.queryKey, session);
      router.history.push(target);
    },
  });
  if (choice.error instanceof ApiError && choice.error.status === 401) return <Navigate to="/sign-in" />;
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder p="xl" w="100%" maw={420}>
        <Stack>
          <Title order={1} size="h2">
            Choose an organization
          </Title>
          <Text className="muted" size="sm">
            {choice.data?.email ?? "You"} can sign in to several organizations. You can change later by
            signing out.
          </Text>
          {choice.isPending && <ListSkeleton rows={3} />}
          {choice.error !== null && <ErrorState error={choice.error} reset={() => void choice.refetch()} />}
          {enter.error !== null && <ErrorState error={enter.error} />}
          {choice.data?.organizations.map(({ id, name }) => (
            <Button
              key={id}
              variant="default"
              size="md"
              onClick={() => enter.mutate(id)}
              loading={enter.isPending}
            >
              {name}
            </Button>
          ))}
        </Stack>
      </Paper>
    </Center>
  );
}
