import { Badge } from '@mantine/core';
import type { Stands } from '../words/stands.ts';

/** Where something stands: a word in its colour. */
export function Mark({ of: { word, tone } }: { readonly of: Stands }) {
  return (
    <Badge color={tone} variant="light" radius="sm" tt="none" className="mark">
      {word}
    </Badge>
  );
}
