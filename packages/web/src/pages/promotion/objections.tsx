import type { Objection } from '@headgate/contract';
import { Alert, Text } from '@mantine/core';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';

/** What agents would refuse the promotion for, by what they say that they hold; nothing when there is nothing. */
export function Objections(props: {
  readonly of: readonly Objection[];
  readonly left?: number | undefined;
  readonly waits?: boolean;
}) {
  const { of: objections, left = 0, waits = false } = props;
  if (objections.length === 0) return null;
  return (
    <Alert color="orange" title="An agent would refuse it as things are" style={{ overflowWrap: 'anywhere' }}>
      <Some of={objections} noun="objection" first={3}>
        {(some) =>
          some.map(({ cell, code, why, unblock }) => (
            <Text size="sm" key={`${cell} ${code} ${why}`}>
              Cell <Said>{cell}</Said>: <Said>{why}</Said>. To mend: <Said whole>{unblock}</Said>.
            </Text>
          ))
        }
      </Some>
      {left > 0 && (
        <Text size="sm">
          And {left} more, of other cells: <Said whole>`headgate doctor`</Said> tells every cause.
        </Text>
      )}
      {waits && <Text size="sm">Approved, it waits for that; until then nothing is begun and no approval spent.</Text>}
    </Alert>
  );
}
