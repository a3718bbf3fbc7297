import type { Freeze } from '@headgate/contract';
import { scopeWords } from '../words/freezes.ts';
import { Instant } from './instant.tsx';
import { Said } from './said.tsx';

/** One freeze in a sentence: what, why, from when and until when. */
export function FreezeText({
  of: { scope, name, from, to, reason },
  now,
}: {
  readonly of: Freeze;
  readonly now: number;
}) {
  return (
    <>
      <strong>
        <Said>{scopeWords(scope)}</Said>
      </strong>
      , <Said>{name}</Said>: <Said>{reason}</Said>;{' '}
      {from > now && (
        <>
          from <Instant at={from} />{' '}
        </>
      )}
      {to === null ? (
        'until somebody lifts it'
      ) : (
        <>
          until <Instant at={to} />
        </>
      )}
    </>
  );
}
