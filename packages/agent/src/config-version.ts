/**
 * The version of `agent.yaml`, which stands in the file: `version: 1`. One from before has none. It is brought to today's
 * form as it is read, and the file with it: comments stay, and a copy of what it was is kept beside it.
 */
import { readFileSync } from 'node:fs';
import { keepCopy } from '@headgate/adapters/machine/data-format';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import { type Document, parseDocument } from 'yaml';

interface Step {
  /** For the log: what becomes of the file. */
  readonly what: string;
  change(document: Document): void;
}

/** The step at index n takes version n to n + 1. */
const STEPS: readonly Step[] = [
  {
    what: 'it says its version',
    change() {
      // The number itself is all that is new.
    },
  },
];

/** Today's version. */
export const CONFIG_VERSION = STEPS.length;

/** What stands where a version is expected; 0 for a file from before there were any. */
export function versionOf(value: unknown): unknown {
  const { version } = (value ?? {}) as { version?: unknown };
  return version ?? 0;
}

/** Rewrites an older file in today's form; what was done, one line a step. */
export async function migrateConfig(path: string): Promise<readonly string[]> {
  const text = readFileSync(path, 'utf8');
  const document = parseDocument(text, { schema: 'core' });
  if (document.errors.length > 0) return [];
  const version = versionOf(document.toJS({ maxAliasCount: 0 }));
  // What is no older version is the reader's to complain about.
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0 || version >= CONFIG_VERSION)
    return [];
  const steps = STEPS.slice(version);
  for (const step of steps) step.change(document);
  document.set('version', CONFIG_VERSION);
  await keepCopy(path, version);
  await writeDurably(path, document.toString({ lineWidth: 0, flowCollectionPadding: false }), 0o600);
  return steps.map(({ what }) => what);
}
