/**
 * Documents of older forms, and how they become what is read today. Each older `apiVersion` has its conversions to the
 * next one; they are applied one version after the other. A conversion changes plain data and asks nobody: it is the same
 * at every door, and for a document that was stored by an older Headgate. (A release's manifest is signed as it stands,
 * and is never converted: its digest is its name.)
 */
import { API_VERSION, OLDER_API_VERSIONS } from '@headgate/domain';
import { quoted } from '../refusal.ts';
import type { Problem } from '../schema/problems.ts';

type Spec = Record<string, unknown>;

interface Conversion {
  readonly kind: string;
  /** For people, behind "was converted:". */
  readonly what: string;
  /** The spec in the next form. What doesn't look like the older form stays as it is, for the reader to complain about. */
  convert(spec: Spec): Spec;
}

/** By the version that they convert from. */
const CONVERSIONS: Readonly<Record<(typeof OLDER_API_VERSIONS)[number], readonly Conversion[]>> = {
  'headgate/v1alpha1': [
    {
      kind: 'Cell',
      what: 'stores are mappings with a name, since each may have a tenancy of its own',
      convert: ({ stores, ...rest }) =>
        Array.isArray(stores)
          ? { ...rest, stores: stores.map((store: unknown) => (typeof store === 'string' ? { name: store } : store)) }
          : { ...rest, ...(stores !== undefined && { stores }) },
    },
    {
      kind: 'Environment',
      what: 'an environment has a list of calendars instead of at most one',
      convert: ({ calendar, calendars, ...rest }) => ({
        ...rest,
        calendars: calendars ?? (calendar === undefined ? [] : [calendar]),
      }),
    },
  ],
};

export type Converted =
  | { readonly ok: true; readonly value: unknown; readonly changes: readonly string[] }
  | { readonly ok: false; readonly problem: Problem };

/** The document in today's form; one of no version that is known is refused, and what is no document is left as it is. */
export function toCurrent(value: unknown): Converted {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { ok: true, value, changes: [] };
  const { apiVersion, kind, spec } = value as { apiVersion?: unknown; kind?: unknown; spec?: unknown };
  const from = (OLDER_API_VERSIONS as readonly unknown[]).indexOf(apiVersion);
  if (from < 0) {
    const newer = typeof apiVersion === 'string' && apiVersion !== API_VERSION && apiVersion.startsWith('headgate/');
    if (!newer) return { ok: true, value, changes: [] };
    const expected = `"${API_VERSION}": this one is of another Headgate, perhaps a newer one, and so is what can read it`;
    return { ok: false, problem: { path: ['apiVersion'], expected, found: quoted(apiVersion) } };
  }
  const changes: string[] = [];
  let converted = spec;
  for (const version of OLDER_API_VERSIONS.slice(from))
    for (const each of CONVERSIONS[version]) {
      if (each.kind !== kind || typeof converted !== 'object' || converted === null || Array.isArray(converted))
        continue;
      converted = each.convert(converted as Spec);
      changes.push(each.what);
    }
  const rest = { ...value, apiVersion: API_VERSION };
  return { ok: true, value: converted === undefined ? rest : { ...rest, spec: converted }, changes };
}
