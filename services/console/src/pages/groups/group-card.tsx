import { Button, List, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { labelOf } from "../../api/directory.ts";
import { type GroupSummary, groupMembersQuery } from "../../api/groups.ts";
import { ButtonLink } from "../../ui/links.tsx";
import { ListSkeleton } from "../../ui/states.tsx";
import classes from "./picture.module.css";

interface GroupCardProps {
  readonly group: GroupSummary;
  readonly groups: readonly GroupSummary[];
  readonly onChoose: (id: string) => void;
}

/** Who is in the chosen group, beside the picture. */
export function GroupCard({ group, groups, onChoose }: GroupCardProps) {
  const members = useQuery(groupMembersQuery(group.id, {}));
  const inner = groups.filter((one) => group.member_group_ids.includes(one.id));
  const outer = groups.filter((one) => one.member_group_ids.includes(group.id));
  return (
    <Paper withBorder p="md" component="section" aria-label={group.name} className={classes["card"] ?? ""}>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {group.name}
        </Title>
        {group.description !== null && <Text size="sm">{group.description}</Text>}
        <ButtonLink size="xs" variant="default" to="/settings/groups/$groupId" params={{ groupId: group.id }}>
          Open the group
        </ButtonLink>
        <Neighbours title="Lies in" groups={outer} onChoose={onChoose} />
        <Neighbours title="Holds the groups" groups={inner} onChoose={onChoose} />
        <Text size="sm" fw={600}>
          {group.member_count === 1 ? "1 member" : `${group.member_count} members`}
        </Text>
        {members.isPending && <ListSkeleton rows={2} />}
        <List size="sm">
          {members.data?.members.map((member) => (
            <List.Item key={member.id}>{labelOf(member)}</List.Item>
          ))}
        </List>
        {typeof members.data?.cursor === "string" && (
          <Text size="sm" className="muted">
            and more
          </Text>
        )}
      </Stack>
    </Paper>
  );
}

interface NeighboursProps {
  readonly title: string;
  readonly groups: readonly GroupSummary[];
  readonly onChoose: (id: string) => void;
}

function Neighbours({ title, groups, onChoose }: NeighboursProps) {
  if (groups.length === 0) return null;
  return (
    <div>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      {groups.map(({ id, name }) => (
        <Button key={id} size="compact-sm" variant="subtle" onClick={() => onChoose(id)}>
          {name}
        </Button>
      ))}
    </div>
  );
}
