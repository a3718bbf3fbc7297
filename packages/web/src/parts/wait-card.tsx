import type { Wait } from '@headgate/contract';
import { Paper, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Some } from './some.tsx';
import { WaitText } from './wait-text.tsx';

/** Waits, each on a card under what it belongs to. */
export function WaitCards(props: {
  readonly waits: readonly Wait[];
  readonly first: number;
  readonly head: (wait: Wait) => ReactNode;
}) {
  return (
    <Some of={props.waits} noun="wait" first={props.first}>
      {(some) => (
        <div className="cards">
          {some.map((wait) => {
            const head = props.head(wait);
            return (
              <Paper withBorder p="sm" radius="md" key={`${wait.where} ${wait.step ?? ''} ${wait.why}`}>
                {head !== null && (
                  <Text fw={600} component="div">
                    {head}
                  </Text>
                )}
                <WaitText wait={wait} />
              </Paper>
            );
          })}
        </div>
      )}
    </Some>
  );
}
