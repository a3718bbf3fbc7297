import type { MigrationTimes, Promotion } from '@headgate/contract';
import { Button, List, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { migrationTimes } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import type { Stands } from '../../words/stands.ts';

type Verdict = MigrationTimes['migrations'][number]['verdict'];

const STANDS: Readonly<Record<Verdict, Stands>> = {
  kept: { word: 'as rehearsed', tone: 'teal' },
  faster: { word: 'faster', tone: 'teal' },
  slower: { word: 'slower', tone: 'red' },
  'not-rehearsed': { word: 'not rehearsed', tone: 'gray' },
  'not-measured': { word: 'not measured', tone: 'gray' },
  unknown: { word: 'not known', tone: 'gray' },
};

/** What its migrations took, against what their rehearsal promised; nothing until one ran, or where the server doesn't say. */
export function Migrations({ promotion }: { readonly promotion: Promotion }) {
  const pages = useInfiniteQuery(migrationTimes(useClient(), promotion.id));
  const cells = pages.data?.pages.flatMap((page) => page.items) ?? [];
  if (cells.length === 0 && !pages.hasNextPage) return null;
  const all = cells.flatMap(({ cell, migrations }) => migrations.map((each) => ({ cell, ...each })));
  const slower = all.filter(({ verdict }) => verdict === 'slower');
  const left = cells.reduce((sum, each) => sum + each.left, 0);
  return (
    <Section title="Migrations, as they were rehearsed">
      {cells.length === 0 && <Nothing>Of the first cells nothing is known yet.</Nothing>}
      <Some of={[...slower, ...all.filter((each) => !slower.includes(each))]} noun="migration" first={8}>
        {(some) => (
          <List size="sm" spacing={4}>
            {some.map(({ cell, store, step, migration, verdict, words }) => (
              <List.Item key={`${cell} ${step} ${migration}`}>
                <Mark of={STANDS[verdict]} /> <Said>{`${cell}/${store}: ${words}`}</Said>
              </List.Item>
            ))}
          </List>
        )}
      </Some>
      {left > 0 && <Text size="sm">And {left} more, which tell less.</Text>}
      {cells.some(({ cut }) => cut) && (
        <Text size="sm">Of cells with more than 10,000 entries the later steps were not read.</Text>
      )}
      {pages.hasNextPage && (
        <Button variant="subtle" size="xs" onClick={() => pages.fetchNextPage()}>
          More cells
        </Button>
      )}
    </Section>
  );
}
