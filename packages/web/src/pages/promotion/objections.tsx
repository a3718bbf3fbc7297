import type { Objection } from '@headgate/contract';
import { Alert, Text } from '@mantine/core';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';
import { visible } from '../../words/visible.ts';

/** What agents would refuse the promotion for, by what they say that they hold; nothing when there is nothing. */
export function Objections({ of: objections }: { readonly of: readonly Objection[] }) {
  if (objections.length === 0) return null;
  return (
    <Alert color="orange" title="An agent would refuse it as things are" style={{ overflowWrap: 'anywhere' }}>
      <Some of={objections} noun="objection" first={3}>
        {(some) =>
          some.map(({ cell, code, why, unblock }) => (
            <Text size="sm" key={`${cell} ${code} ${why}`}>
              Cell <Said>{cell}</Said>: <Said>{why}</Said>. To mend:{' '}
              {/* With its digests whole: they are to be carried over. */}
              <bdi className="said">{visible(unblock)}</bdi>.
            </Text>
          ))
        }
      </Some>
    </Alert>
  );
}
