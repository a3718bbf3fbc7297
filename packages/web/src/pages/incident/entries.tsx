import type { Matter } from '@headgate/contract';
import { List, Text } from '@mantine/core';
import { Instant } from '../../parts/instant.tsx';
import { Said } from '../../parts/said.tsx';

/** What was logged last, the newest first. */
export function Entries({ of }: { readonly of: Matter['entries'] }) {
  if (of.length === 0)
    return <Text size="sm">The log’s last entries of it say nothing but that it was looked at.</Text>;
  return (
    <details>
      <summary>{of.length === 1 ? 'The last entry of the log' : `The last ${of.length} entries of the log`}</summary>
      <List size="sm" type="ordered" mt="xs">
        {of.map(({ at, by, stream, type, words }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries of one answer never change places
          <List.Item key={`${stream} ${type} ${at} ${i}`}>
            <Instant at={at} />: <Said>{words}</Said>{' '}
            <Text span size="sm" c="dimmed">
              (<Said>{`${stream} by ${by}`}</Said>)
            </Text>
          </List.Item>
        ))}
      </List>
    </details>
  );
}
