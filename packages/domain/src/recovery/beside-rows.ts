/**
 * What a store has beside the rows of its tables. A copy of a cluster's files brings all of it back with the rows, or never had it, so a
 * proposal tells what of it differs, and an approval holds for that alone, too.
 */
import type { Digest } from '../model/identity.ts';

/** Each has a digest of its own, so that a refusal can name it. The first are told first. */
const PARTS = {
  roles: 'roles',
  databases: 'other databases of its cluster',
  sequences: 'sequences',
  unlogged: 'unlogged tables',
  largeObjects: 'large objects',
  definitions: 'definitions of objects',
  settings: 'settings',
} as const;
export type StorePart = keyof typeof PARTS;
export const STORE_PARTS = Object.keys(PARTS) as readonly StorePart[];

export type PartDigests = Readonly<Record<StorePart, Digest>>;

/** Something that isn't now what it was then; by its name, with no definition, which may say a secret. */
export interface ProposedOther {
  readonly part: StorePart;
  readonly what: string;
  /** What it is like now, and then; equal: what differs can't be said in a word. Absent: there is none. */
  readonly saysNow?: string;
  readonly saysThen?: string;
}

/** What of a store beside its rows isn't as it was promised, in words; empty: all of it is. A promise from before has none of it. */
export function otherParts(found: PartDigests | undefined, promised: PartDigests | undefined): readonly string[] {
  if (promised === undefined) return [];
  return STORE_PARTS.filter((part) => found?.[part] !== promised[part]).map((part) => PARTS[part]);
}

/** So many are spelled out. */
const MOST_TOLD = 50;

/** As people read it. `inAll`: with those that the proposal's file has no room for. */
export function otherLines(others: readonly ProposedOther[], inAll: number): readonly string[] {
  if (inAll === 0) return ['Nothing beside rows differs.'];
  const told = others.slice(0, MOST_TOLD);
  const parts = STORE_PARTS.filter((part) => others.some((other) => other.part === part)).map((part) => PARTS[part]);
  const more = inAll - told.length;
  const listed = others.length - told.length;
  return [
    `Beside rows, ${inAll.toLocaleString('en-US')} ${inAll === 1 ? 'thing goes' : 'things go'} back as well (${parts.join(', ')}):`,
    ...told.map(otherLine),
    ...(more === 0
      ? []
      : [`  and ${more.toLocaleString('en-US')} more (${listed.toLocaleString('en-US')} of them in the file)`]),
  ];
}

function otherLine({ what, saysNow, saysThen }: ProposedOther): string {
  if (saysThen === undefined) return `  ${what}${saysNow ? `, ${saysNow}` : ''}: goes away`;
  if (saysNow === undefined) return `  ${what}${saysThen ? `, ${saysThen}` : ''}: comes back`;
  return saysNow === saysThen ? `  ${what}: is otherwise then` : `  ${what}: ${saysNow} → ${saysThen}`;
}
