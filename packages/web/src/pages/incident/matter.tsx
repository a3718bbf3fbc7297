import type { Matter } from '@headgate/contract';
import { Group, List, Paper, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';
import { matterStands } from '../../words/matters.ts';
import { counted } from '../../words/stands.ts';
import { Entries } from './entries.tsx';
import { PromotionMatter } from './promotion-matter.tsx';

/** One matter: why, since when, whom it reaches, what can be done, and what happened just before. */
export function MatterCard({ matter }: { readonly matter: Matter }) {
  const { kind, environment, application, why, since, tenants, held, cells, cellCount, promotion, entries } = matter;
  const title = `${application} in ${environment}`;
  return (
    <Paper withBorder radius="md" p="md" component="article" aria-label={`${matterStands(kind).word}: ${title}`}>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <Title order={3} size="h5">
            {promotion === null ? (
              title
            ) : (
              <Link to="/promotions/$promotion" params={{ promotion: promotion.promotion.id }}>
                {application} {promotion.promotion.release.version} to {environment}
              </Link>
            )}
          </Title>
          <Mark of={matterStands(kind)} />
        </Group>
        <Text>
          <Said>{why}</Said>
        </Text>
        <Text size="sm" c="dimmed">
          {since === null ? 'Since when isn’t known' : <Instant at={since} />}; {counted(tenants, 'tenant')},{' '}
          {held.toLocaleString('en')} held
        </Text>
        {cells.length > 0 && (
          <div>
            <Some of={cells} noun="cell" first={5}>
              {(some) => (
                <List size="sm">
                  {some.map((cell) => (
                    <List.Item key={cell.cell}>
                      <Link to="/cells/$cell" params={{ cell: cell.cell }}>
                        {cell.cell}
                      </Link>
                      : <Said>{cell.why}</Said>;{' '}
                      {cell.seenAt === null ? (
                        'never seen'
                      ) : (
                        <>
                          seen <Instant at={cell.seenAt} />
                        </>
                      )}
                    </List.Item>
                  ))}
                </List>
              )}
            </Some>
            {cellCount > cells.length && (
              <Text size="sm" c="dimmed">
                and {counted(cellCount - cells.length, 'more cell')}
              </Text>
            )}
          </div>
        )}
        {promotion !== null && <PromotionMatter of={promotion} />}
        <Entries of={entries} />
      </Stack>
    </Paper>
  );
}
