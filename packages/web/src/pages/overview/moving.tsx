import type { Status } from '@headgate/contract';
import { Group, Paper, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Mark } from '../../parts/mark.tsx';
import { Progress } from '../../parts/progress.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { promotionStands, rolloutStands } from '../../words/stands.ts';

/** Promotions that have not ended, each with its rollouts. */
export function Moving({ promotions }: { readonly promotions: Status['promotions'] }) {
  return (
    <Section title="Moves" beside={<Link to="/promotions">all promotions</Link>}>
      {promotions.length === 0 && <Nothing>Nothing moves.</Nothing>}
      <Some of={promotions} noun="promotion" first={10}>
        {(some) => (
          <Stack gap="xs">
            {some.map(({ promotion, rollouts }) => (
              <Paper withBorder p="sm" radius="md" key={promotion.id}>
                <Group justify="space-between" wrap="nowrap" align="flex-start">
                  <Text fw={600} component="div">
                    <Link to="/promotions/$promotion" params={{ promotion: promotion.id }}>
                      {promotion.application} {promotion.release.version} to {promotion.environment}
                    </Link>
                    {promotion.only !== undefined && `, for ${promotion.only.count} of its tenants alone`}
                  </Text>
                  <Mark of={promotionStands(promotion)} />
                </Group>
                <Progress promotion={promotion} />
                <Some of={rollouts} noun="cell" first={6}>
                  {(cells) => (
                    <Stack gap={2} mt="xs">
                      {cells.map((rollout) => (
                        <Group key={rollout.id} gap="xs">
                          <Link to="/cells/$cell" params={{ cell: rollout.cell }}>
                            {rollout.cell}
                          </Link>
                          <Mark of={rolloutStands(rollout)} />
                          {rollout.step !== undefined && (
                            <Text size="sm" c="dimmed">
                              <Said>{rollout.step}</Said>
                            </Text>
                          )}
                        </Group>
                      ))}
                    </Stack>
                  )}
                </Some>
              </Paper>
            ))}
          </Stack>
        )}
      </Some>
    </Section>
  );
}
