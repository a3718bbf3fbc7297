import type { WayBack } from '@headgate/contract';
import { Alert, List, Stack, Text } from '@mantine/core';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';
import { counted } from '../../words/stands.ts';

/** What going back would do from here, cell by cell, and what it would lose. */
export function WayBackText({ of: { cells, truncated } }: { readonly of: WayBack }) {
  const lost = cells.flatMap(({ cell, loses }) => loses.map((what) => ({ cell, what })));
  const stays = cells.flatMap(({ cell, stays: done = [] }) => done.map((what) => ({ cell, what })));
  if (cells.length === 0) return <Text size="sm">Nothing was begun, so nothing is brought back.</Text>;
  return (
    <Stack gap="xs">
      {lost.length > 0 ? (
        <Alert color="red" title="Something is lost" role="alert">
          <SaidOfCells of={lost} noun="loss" />
        </Alert>
      ) : (
        <Text size="sm" fw={600}>
          Nothing that was written is lost.
        </Text>
      )}
      {stays.length > 0 && (
        <Alert color="orange" title="Some of it no way back undoes">
          <SaidOfCells of={stays} noun="operation" />
        </Alert>
      )}
      <Some of={cells} noun="cell" first={3}>
        {(some) =>
          some.map(({ cell, tenants, who, steps, first }) => (
            <div key={cell}>
              <Text size="sm" fw={600}>
                Cell {cell}: {counted(tenants, 'tenant')} back (<Said>{who}</Said>), {counted(steps, 'step')}
              </Text>
              <List size="sm" type="ordered">
                {first.map(({ id, text, approver }) => (
                  <List.Item key={id}>
                    <Said>{text}</Said>
                    {approver !== undefined && <strong>, if {approver} agrees</strong>}
                  </List.Item>
                ))}
              </List>
              {steps > first.length && (
                <Text size="sm" c="dimmed">
                  and {steps - first.length} more
                </Text>
              )}
            </div>
          ))
        }
      </Some>
      {truncated && (
        <Text size="sm" c="dimmed">
          There is more than is shown here.
        </Text>
      )}
    </Stack>
  );
}

interface SaidOfCell {
  readonly cell: string;
  readonly what: string;
}

function SaidOfCells({ of, noun }: { readonly of: readonly SaidOfCell[]; readonly noun: string }) {
  return (
    <Some of={of} noun={noun} first={5}>
      {(some) => (
        <List size="sm">
          {some.map(({ cell, what }) => (
            <List.Item key={`${cell} ${what}`}>
              cell {cell}: <Said>{what}</Said>
            </List.Item>
          ))}
        </List>
      )}
    </Some>
  );
}
