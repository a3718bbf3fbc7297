import type { Recoverability } from '@headgate/contract';
import { List, Paper, Text, Title } from '@mantine/core';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { spanText } from '../../words/instants.ts';
import { recoverableStands } from '../../words/matters.ts';

/** What could be brought back of the stores that the plan touches: how fresh, how fast, and when that was measured. */
export function Recoverable({ of: { at, targets, stores, left } }: { readonly of: Recoverability }) {
  return (
    <Paper withBorder p="md" radius="md" component="section" aria-label="what could be brought back">
      <Title order={3} size="h5" mb="xs">
        What could be brought back
      </Title>
      <Text size="sm" mb="xs">
        As of <Instant at={at} />.{' '}
        {targets === undefined
          ? 'The policy asks for nothing.'
          : `The policy asks of each store that it migrates: RPO ${spanText(targets.rpoMs)}, RTO ${spanText(targets.rtoMs)}, a drill at most ${spanText(targets.drillMaxAgeMs)} ago.`}
      </Text>
      <List size="sm" spacing={4} listStyleType="none">
        {stores.map(({ cell, store, standing, migrated, because, words, alike, others }) => (
          <List.Item key={`${cell}/${store}`}>
            <strong>
              {cell}/{store}
            </strong>
            {alike > 0 && `, ${others.join(', ')}${alike > others.length ? ` and ${alike - others.length} more` : ''}`}
            {!migrated && ' (not migrated)'} <Mark of={recoverableStands(standing)} />
            {[...(because === '' || words.includes(because) ? [] : [because]), ...words].map((line) => (
              <Text size="sm" key={line}>
                <Said>{line}</Said>
              </Text>
            ))}
          </List.Item>
        ))}
      </List>
      {left > 0 && <Text size="sm">{left.toLocaleString('en')} more stand no worse.</Text>}
    </Paper>
  );
}
