import { Flex, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";

interface PageProps {
  readonly title: string;
  /** In one sentence, what the page is for. */
  readonly purpose: ReactNode;
  readonly actions?: ReactNode;
  /** Where it lies, above the title. */
  readonly above?: ReactNode;
  readonly children: ReactNode;
}

/** A page: its heading gets the focus when it opens, so that who can't see it knows where they are. */
export function Page({ title, purpose, actions, above, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Portcullis`;
  }, [title]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <Stack gap="lg">
      <div>
        {above}
        <Flex justify="space-between" align="flex-start" gap="sm" wrap={{ base: "wrap", sm: "nowrap" }}>
          <div>
            <Title ref={heading} order={1} size="h2" tabIndex={-1}>
              {title}
            </Title>
            <Text className="muted" mt={4} maw={720}>
              {purpose}
            </Text>
          </div>
          {actions !== undefined && (
            <Group gap="xs" flex={{ base: "1 1 100%", sm: "none" }}>
              {actions}
            </Group>
          )}
        </Flex>
      </div>
      {children}
    </Stack>
  );
}
