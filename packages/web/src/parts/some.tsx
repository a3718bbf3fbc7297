import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { counted } from '../words/stands.ts';

/** The first of many, and a button for more: 10,000 rows at once help nobody. */
export function Some<T>(props: {
  readonly of: readonly T[];
  readonly noun: string;
  readonly first?: number;
  readonly children: (items: readonly T[]) => ReactNode;
}) {
  const step = props.first ?? 20;
  const [most, setMost] = useState(step);
  const left = props.of.length - most;
  return (
    <>
      {props.children(props.of.slice(0, most))}
      {left > 0 && (
        <Button variant="subtle" size="xs" onClick={() => setMost(most + Math.max(step, 100))} className="more">
          {counted(left, `more ${props.noun}`)}
        </Button>
      )}
    </>
  );
}
