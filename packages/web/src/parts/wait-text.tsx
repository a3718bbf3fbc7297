import type { Wait } from '@headgate/contract';
import { List, Stack, Text } from '@mantine/core';
import { Instant } from './instant.tsx';
import { Said } from './said.tsx';

/** One wait in words: why, who can end it and how, until when, and what comes after. */
export function WaitText({ wait }: { readonly wait: Wait }) {
  return (
    <Stack gap={4}>
      <Text size="sm">
        <Said>{wait.why}</Said>
      </Text>
      <List size="sm" spacing={2}>
        {wait.unblock.map(({ what, who, at }) => (
          <List.Item key={`${what} ${who.join(' ')}`}>
            <strong>{who.join(' or ')}</strong>: <Said whole>{what}</Said>
            {at !== undefined && (
              <>
                , <Instant at={at} />
              </>
            )}
          </List.Item>
        ))}
      </List>
      <Text size="sm" c={wait.overdue ? 'red' : 'dimmed'}>
        {wait.overdue ? 'Overdue since' : 'Until'} <Instant at={wait.until} />; then <Said>{wait.after}</Said>
      </Text>
    </Stack>
  );
}
