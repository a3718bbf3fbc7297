import { useNow } from '../live/use-now.ts';
import { awayText, instantText } from '../words/instants.ts';

/** An instant with its zone, and how far away it is. */
export function Instant({ at, away = true }: { readonly at: number; readonly away?: boolean }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={new Date(at).toISOString()}>
      {instantText(at)}
      {away && ` (${awayText(at, now)})`}
    </time>
  );
}

/** Only how far away it is; the instant itself is in the title and for machines. */
export function Away({ at }: { readonly at: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={instantText(at)}>
      {awayText(at, now)}
    </time>
  );
}
