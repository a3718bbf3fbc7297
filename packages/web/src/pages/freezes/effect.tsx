import type { FreezeEffect } from '@headgate/contract';
import { List, Text } from '@mantine/core';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';

/** What a freeze stops and what it doesn't, promotion by promotion. */
export function Effect({ of: { summary, stops, truncated } }: { readonly of: FreezeEffect }) {
  return (
    <>
      <Text size="sm" fw={600}>
        {summary}
      </Text>
      <Some of={stops} noun="promotion" first={5}>
        {(some) => (
          <List size="sm">
            {some.map((stop) => (
              <List.Item key={stop.promotion}>
                {stop.application} {stop.release.version} to {stop.environment}: <Said>{stop.words}</Said>
                {stop.running.map(({ cell, step, text, agent }) => (
                  <Text size="sm" c="dimmed" key={`${cell} ${step}`}>
                    at work: <Said>{`${step} of cell ${cell}, by ${agent} (${text})`}</Said>
                  </Text>
                ))}
              </List.Item>
            ))}
          </List>
        )}
      </Some>
      {truncated && (
        <Text size="sm" c="dimmed">
          There is more than is shown here.
        </Text>
      )}
    </>
  );
}
