import type { PlanOutline, Promotion, Rollout } from '@headgate/contract';
import { Alert, List, Paper, Stack, Text, Title } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { plan, rollouts } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { spanText } from '../../words/instants.ts';
import { CellSteps } from './cell-steps.tsx';
import { GoingBack } from './going-back.tsx';
import { Recoverable } from './recoverable.tsx';

/** The plan by wave and cell, each step with where it stands, and the way back where one was decided. */
export function Plan({ promotion }: { readonly promotion: Promotion }) {
  const client = useClient();
  const outline = useQuery(plan(client, promotion.id));
  const pages = useInfiniteQuery(rollouts(client, promotion.id));
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const byCell = new Map(pages.data?.pages.flatMap(({ items }) => items).map((rollout) => [rollout.cell, rollout]));
  return (
    <Section title="Plan">
      <Fetched of={outline}>{(data) => <Outline promotion={promotion} outline={data} rollouts={byCell} />}</Fetched>
    </Section>
  );
}

const RISK = { low: 'teal', medium: 'yellow', high: 'orange' } as const;

/** Up to so many cells of a wave are shown with their steps at once. */
const MOST_OPEN = 4;

function Outline(props: {
  readonly promotion: Promotion;
  readonly outline: PlanOutline;
  readonly rollouts: ReadonlyMap<string, Rollout>;
}) {
  const { promotion, outline } = props;
  const { risk, waves } = outline;
  const going = [...props.rollouts.values()].filter(({ undo }) => undo !== null);
  return (
    <Stack>
      <List size="sm" listStyleType="none" spacing={4}>
        <List.Item>
          Risk <Mark of={{ word: risk.level, tone: RISK[risk.level] }} /> <Said>{risk.because.join('; ')}</Said>
        </List.Item>
        <List.Item>
          If a step fails: <Said>{outline.rollback}</Said>
        </List.Item>
        {outline.activates?.map(({ operation, because }) => (
          <List.Item key={operation}>
            Activates <strong>{operation}</strong>, closed on the release until everybody is on it:{' '}
            <Said>{because}</Said>
          </List.Item>
        ))}
        {outline.gates.map(({ gate, stands }) => (
          <List.Item key={`${gate} ${stands}`}>
            Gate <strong>{gate}</strong>: {stands}
          </List.Item>
        ))}
      </List>
      <PointOfNoReturn outline={outline} />
      {outline.goingBack !== undefined && <GoingBack of={outline.goingBack} />}
      {outline.recoverability !== undefined && <Recoverable of={outline.recoverability} />}
      {waves.map(({ n, ring, soakMs, activates, cells }) => (
        <Paper withBorder p="md" radius="md" key={n} component="section" aria-label={`wave ${n}`}>
          <Title order={3} size="h5" mb="xs">
            Wave {n}: {activates ? 'activation for ring' : 'ring'} <Said>{ring}</Said>
            {soakMs > 0 && `, watched for ${spanText(soakMs)}`}
          </Title>
          <Some of={cells} noun="cell">
            {(some) => (
              <Stack gap="sm">
                {some.map((cell) => (
                  <CellSteps
                    key={cell.cell}
                    promotion={promotion.id}
                    cell={cell.cell}
                    wave={n}
                    rollout={props.rollouts.get(cell.cell)}
                    marked={going.length === 0 && n === promotion.wave}
                    open={cells.length <= MOST_OPEN && (n === Math.max(promotion.wave, 1) || waves.length <= 3)}
                    head={`${cell.from} to ${cell.to}: ${cell.who}`}
                  />
                ))}
              </Stack>
            )}
          </Some>
        </Paper>
      ))}
      {going.length > 0 && (
        <Paper withBorder p="md" radius="md" component="section" aria-label="the way back">
          <Title order={3} size="h5" mb="xs">
            The way back
          </Title>
          {promotion.undo !== null && (
            <Text size="sm" mb="xs">
              <Said>{promotion.undo.because}</Said>
            </Text>
          )}
          <Some of={going} noun="cell">
            {(some) => (
              <Stack gap="sm">
                {some.map((rollout) => (
                  <CellSteps
                    key={rollout.cell}
                    promotion={promotion.id}
                    cell={rollout.cell}
                    wave={null}
                    rollout={rollout}
                    marked
                    open={going.length <= MOST_OPEN}
                    head=""
                  />
                ))}
              </Stack>
            )}
          </Some>
        </Paper>
      )}
    </Stack>
  );
}

export function PointOfNoReturn({
  outline: { pointOfNoReturn: point, noReturn = 'none is known' },
}: {
  readonly outline: Pick<PlanOutline, 'pointOfNoReturn' | 'noReturn'>;
}) {
  if (point === null)
    return (
      <Text size="sm">
        Point of no return: <Said>{noReturn}</Said>.
      </Text>
    );
  return (
    <Alert color="orange" title={`Point of no return: step ${point.step} of cell ${point.cell}`}>
      <Said>{point.because}</Said>
    </Alert>
  );
}
