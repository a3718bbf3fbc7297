import type { Wait } from '@headgate/contract';
import { Paper, Stack, Text } from '@mantine/core';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { WaitText } from '../../parts/wait-text.tsx';

/** What it waits for: its own wait first, then its cells'. */
export function Waits({ waits }: { readonly waits: readonly Wait[] }) {
  return (
    <Section title="What it waits for">
      {waits.length === 0 && <Nothing>Nothing.</Nothing>}
      <Some of={waits} noun="wait" first={6}>
        {(some) => (
          <Stack gap="xs">
            {some.map((wait) => (
              <Paper withBorder p="sm" radius="md" key={`${wait.where} ${wait.step ?? ''}`}>
                {wait.cell !== undefined && (
                  <Text fw={600} size="sm">
                    Cell <Said>{wait.cell}</Said>
                    {wait.step !== undefined && (
                      <>
                        , step <Said>{wait.step}</Said>
                      </>
                    )}
                  </Text>
                )}
                <WaitText wait={wait} />
              </Paper>
            ))}
          </Stack>
        )}
      </Some>
    </Section>
  );
}
