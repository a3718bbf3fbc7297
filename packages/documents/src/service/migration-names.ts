/** What the names of a service's migration files say, and what is wrong with them. A file that is passed over or misread is schema that nobody planned. */
import type { MigrationPhase } from '@headgate/domain';
import { quoted } from '../refusal.ts';
import { nearest } from '../schema/nearest.ts';

/** A file whose name is a migration's. */
export interface NamedFile {
  readonly name: string;
  /** Without direction and ending: what both files of a migration share. */
  readonly id: string;
  readonly down: boolean;
  /** Those that it says, each once. */
  readonly phases: readonly MigrationPhase[];
}

const PHASES: readonly MigrationPhase[] = ['expand', 'data', 'contract'];
const DIRECTIONS: readonly string[] = ['up', 'down'];
/** As long as a release's manifest takes an id, and some. */
const LONGEST_ID = 91;
const NAME = /^([A-Za-z0-9][A-Za-z0-9_.-]*?)(?:\.(up|down))?\.(sql|ya?ml)$/;
/** Whatever was meant to be run. */
const LIKE_ONE = /\.(?:sql|ya?ml)\s*$/i;
/** All of a number: `0001`, `2026-01-31`, `1.2`; but of `0001-2fa` only `0001`. */
const NUMBER = /^\d+(?:[-_.]\d+(?![A-Za-z0-9]))*/;
const ORDER = new Intl.Collator('en', { numeric: true });

/** Which id comes first, digits as numbers. */
export function migrationOrder(a: string, b: string): number {
  return ORDER.compare(a, b);
}

/** What a name says; undefined: it is no migration's. */
export function readName(name: string): NamedFile | undefined {
  const [, id, direction] = NAME.exec(name) ?? [];
  if (id === undefined) return undefined;
  const parts = id.split('.').slice(1);
  return { name, id, down: direction === 'down', phases: PHASES.filter((phase) => parts.includes(phase)) };
}

/** What is wrong with one file's name by itself, and what to do; undefined: nothing, or it is no migration's at all. */
export function fileTrouble(name: string): string | undefined {
  if (!LIKE_ONE.test(name)) return undefined;
  const file = readName(name);
  if (file === undefined)
    return `${quoted(name)} looks like a migration and wouldn’t be run; rename it (a letter or digit first, then letters from a to z, digits, "_", "-" and ".", and .sql, .yaml or .yml in small letters at the end), or move it out of the folder`;
  if (file.id.length > LONGEST_ID)
    return `${quoted(name)} has a name of more than ${LONGEST_ID} characters; shorten it`;
  if (file.phases.length > 1)
    return `${quoted(name)} says more than one phase: ${file.phases.join(', ')}; leave one of them, or split the file`;
  return misspelled(file);
}

/** A phase or a direction that was meant and would be passed over. Whoever says `.expand` has said that the name means nothing else. */
function misspelled({ name, id, down, phases }: NamedFile): string | undefined {
  const ending = /(?:\.(?:up|down))?\.[a-z]+$/.exec(name)?.[0] ?? '';
  for (const part of id.split('.').slice(1)) {
    const small = part.toLowerCase();
    if (DIRECTIONS.includes(small))
      return `${quoted(name)} says ".${part}", and a direction is said right before the ending and in small letters (".${small}.sql"); rename it`;
    const meant = phases.length > 0 ? undefined : phaseMeantBy(small);
    if (meant !== undefined)
      return `${quoted(name)} says ".${part}", which is no phase; rename it with ".${meant}" in its place, or with ".expand" before the ending if it only adds`;
  }
  const [tail, word = ''] = /[-_.]?(?<![A-Za-z])(contract|data|down)$/i.exec(id) ?? [];
  const small = word.toLowerCase();
  if (tail === undefined || (small === 'down' ? ending.includes('.up') || down : phases.length > 0)) return undefined;
  const rest = id.slice(0, -tail.length) || '0001';
  if (small === 'down')
    return `${quoted(name)} ends in "${word}" and would be run as a way forward; rename it: ${quoted(`${rest}.down${ending}`)} if it takes back ${rest}, else ${quoted(`${id}.up${ending}`)}`;
  return `${quoted(name)} ends in "${word}", and a phase is said with a dot before it; rename it: ${quoted(`${rest}.${small}${ending}`)}, or ${quoted(`${id}.expand${ending}`)} if it only adds`;
}

/** The phase that a part between dots was meant to be: in another case, or with letters wrong, missing or too many. */
function phaseMeantBy(small: string): string | undefined {
  if (PHASES.some((phase) => phase === small)) return small;
  // Short words are near to too many others.
  return small.length < 5 || !/^[a-z]+$/.test(small) ? undefined : nearest(small, ['contract', 'expand']);
}

/** What is wrong with files beside each other, and what to do. */
export function setTroubles(files: readonly NamedFile[]): readonly string[] {
  const sorted = [...files].sort((a, b) => migrationOrder(a.id, b.id) || (a.name < b.name ? -1 : 1));
  const ups = sorted.filter(({ down }) => !down);
  const downs = sorted.filter(({ down }) => down);
  const both = (a: NamedFile, b: NamedFile) => `${quoted(a.name)} and ${quoted(b.name)}`;
  const troubles: string[] = [];
  for (const list of [ups, downs])
    list.slice(1).forEach((file, i) => {
      const before = list[i] as NamedFile;
      if (before.id === file.id) troubles.push(`${both(before, file)} are the same migration twice; keep one of them`);
    });
  const byNumber = new Map<string, NamedFile>();
  ups.forEach((file, i) => {
    const number = numberOf(file.id);
    const tied = ups[i - 1] !== undefined && migrationOrder((ups[i - 1] as NamedFile).id, file.id) === 0;
    const before = (number === undefined ? undefined : byNumber.get(number)) ?? (tied ? ups[i - 1] : undefined);
    if (number !== undefined) byNumber.set(number, file);
    if (before !== undefined && before.id !== file.id)
      troubles.push(
        `${both(before, file)} have the same number, so nobody can tell which comes first; give the one that no database has run yet a higher number`,
      );
  });
  const known = new Set(ups.map(({ id }) => id));
  for (const { id, name } of downs)
    if (!known.has(id))
      troubles.push(
        `${quoted(name)} takes back a migration that isn’t there: ${quoted(name.replace(/\.down(?=\.[a-z]+$)/, '.up'))} is missing; add it, name both the same, or take this one away`,
      );
  return troubles;
}

/** Its number, whatever it is filled up with; undefined: its name begins with none. */
function numberOf(id: string): string | undefined {
  return NUMBER.exec(id)?.[0]
    .split(/[-_.]/)
    .map((digits) => digits.replace(/^0+(?=\d)/, ''))
    .join('.');
}
