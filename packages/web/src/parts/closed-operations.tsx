import type { ClosedOperation } from '@headgate/contract';
import { Alert, Text } from '@mantine/core';
import { counted } from '../words/stands.ts';
import { Instant } from './instant.tsx';
import { Said } from './said.tsx';

/** What the routers of cells refuse at this moment, as their agents saw it last; nothing, where nothing is. */
export function ClosedOperations({ of }: { readonly of: readonly { cell: string; closed?: ClosedOperation[] }[] }) {
  const all = of.flatMap(({ cell, closed = [] }) => closed.map((each) => ({ cell, ...each })));
  if (all.length === 0) return null;
  return (
    <Alert color="yellow" title="Closed operations">
      {all.map(({ cell, operation, tenants, slot, since, until }) => (
        <Text size="sm" key={`${cell} ${operation} ${slot} ${since} ${until}`}>
          <Said>{operation}</Said> in cell <Said>{cell}</Said>
          {slot !== undefined && ` on slot ${slot}`} for {counted(tenants, 'tenant')}, since <Instant at={since} />,{' '}
          {until === undefined ? (
            endsWith(slot)
          ) : (
            <>
              until <Instant at={until} />, then it opens by itself
            </>
          )}
        </Text>
      ))}
    </Alert>
  );
}

/** What opens a closing that has no end of its own. */
function endsWith(slot: string | undefined): string {
  return slot === undefined
    ? 'until it is opened'
    : 'until it is activated by the release’s promotion, or the next release is promoted';
}
