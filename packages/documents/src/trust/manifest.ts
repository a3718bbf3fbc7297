/**
 * Release manifests: strict form, then what a form can't say. A manifest is stored and signed as canonical JSON, so
 * `readManifest` accepts only bytes that are their own canonical form: one manifest, one digest.
 */
import { API_VERSION, type Digest, OPERATION_LIMITS, type ReleaseManifest } from '@headgate/domain';
import { z } from 'zod';
import { canonicalBytes, NotCanonical } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { activates } from '../schema/activates.ts';
import {
  digest,
  expects,
  fields,
  list,
  mapping,
  name,
  names,
  oneOf,
  principal,
  safePath,
  text,
  whole,
} from '../schema/fields.ts';
import { MAX_PROBLEMS, type Problem, pointerOf, problemsOf } from '../schema/problems.ts';
import { placeOfUnkept, UNKEPT } from '../words/unkept.ts';
import { manifestRules } from './manifest-rules.ts';

/** Largest manifest in bytes of canonical JSON. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;
/** Largest single file of a release, in bytes. */
export const MAX_FILE_BYTES = 1024 * 1024 * 1024;

const file = fields({ name: safePath, digest, size: whole(0, MAX_FILE_BYTES) });

const component = fields({
  name,
  role: oneOf('web', 'worker', 'connector', 'infrastructure'),
  recovery: oneOf('stateless', 'stateful', 'system-of-record'),
  files: list(file, 0, 5_000),
  command: list(text(4_096), 0, 64),
  healthPath: z
    .string(expects('a path that starts with /'))
    .regex(/^\/[\x21-\x7e]{0,499}$/, expects('a path that starts with /, of at most 500 printable characters'))
    .exactOptional(),
});

const migration = fields({
  id: text(100).regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, expects('letters, digits, _ . -')),
  from: whole(0, 1_000_000),
  to: whole(1, 1_000_000),
  phase: oneOf('expand', 'data', 'contract'),
  up: file,
  down: file.exactOptional(),
  undo: oneOf('keep', 'down', 'restore'),
  closes: names(1, OPERATION_LIMITS.operations).exactOptional(),
});

const urlPhrase = expects('an https URL without a user and a password, at most 1,000 characters');
const runbook = fields({
  title: text(200),
  url: z
    .string(urlPhrase)
    .max(1_000, urlPhrase)
    .regex(/^https:\/\/[^\s\p{Cc}@]+$/u, urlPhrase)
    .exactOptional(),
  text: text(5_000).exactOptional(),
});

export const manifestSchema: z.ZodType<ReleaseManifest> = fields({
  apiVersion: z.literal(API_VERSION, expects(`"${API_VERSION}"`)),
  kind: z.literal('Release', expects('"Release"')),
  application: name,
  version: text(64).regex(/^[0-9A-Za-z][0-9A-Za-z.+_-]*$/, expects('a version: letters, digits, . + _ -')),
  authors: list(principal, 0, 100),
  components: list(component, 1, 100),
  schemaRange: fields({ min: whole(0, 1_000_000), max: whole(0, 1_000_000) }),
  migrations: list(migration, 0, 1_000),
  configuration: mapping(
    name,
    mapping(
      text(200).regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, expects('a variable name')),
      z.string(expects('a text')).max(8_192, expects('at most 8192 characters')),
      500,
    ),
    100,
  ),
  rollbackConditions: list(text(500), 0, 100),
  notes: z.string(expects('a text')).max(50_000, expects('at most 50000 characters')),
  activates,
  runbooks: list(runbook, 0, 20).exactOptional(),
  origin: oneOf('built', 'adopted'),
});

export interface ManifestProblem {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  readonly expected: string;
  readonly message: string;
}

export type ManifestRefusal = Refused<'manifest-too-large' | 'manifest-malformed'> & {
  readonly problems: readonly ManifestProblem[];
};

export interface ManifestFact {
  readonly ok: true;
  readonly manifest: ReleaseManifest;
  /** The release's identity: SHA-256 of the canonical bytes. */
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** Checks a manifest that a program made, and gives its canonical bytes and identity. */
export function checkManifest(value: unknown): ManifestFact | ManifestRefusal {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) return malformed(problemsOf(parsed.error, value, manifestSchema));
  const unkept = placeOfUnkept(parsed.data);
  if (unkept !== undefined) return malformed([{ path: unkept, expected: UNKEPT }]);
  const broken = manifestRules(parsed.data);
  if (broken.length > 0) return malformed(broken.slice(0, MAX_PROBLEMS));
  try {
    const bytes = canonicalBytes(parsed.data);
    if (bytes.length > MAX_MANIFEST_BYTES) return tooLarge(bytes.length);
    return { ok: true, manifest: parsed.data, digest: digestOf(bytes), bytes };
  } catch (error) {
    if (error instanceof NotCanonical)
      return malformed([{ path: error.pointer.split('/').slice(1), expected: 'well-formed text' }]);
    throw error;
  }
}

/** Reads a manifest's stored bytes; refuses what isn't canonical JSON. Never throws on what comes from outside. */
export function readManifest(bytes: Uint8Array): ManifestFact | ManifestRefusal {
  if (bytes.length > MAX_MANIFEST_BYTES) return tooLarge(bytes.length);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return malformed([{ path: [], expected: 'JSON', found: 'something else' }]);
  }
  const checked = checkManifest(value);
  // What was checked must be all that the bytes say: no second spelling, no field that the schema overlooked.
  if (checked.ok && !checked.bytes.equals(bytes)) {
    return malformed([{ path: [], expected: 'canonical JSON (RFC 8785)', found: 'other bytes for the same value' }]);
  }
  return checked;
}

function tooLarge(length: number): ManifestRefusal {
  return {
    ...refuse(
      'manifest-too-large',
      'release manifest',
      `it has ${length} bytes, at most ${MAX_MANIFEST_BYTES} are read`,
      {
        unblock: 'list fewer files: pack what belongs together into archives',
      },
    ),
    problems: [],
  };
}

function malformed(found: readonly Problem[]): ManifestRefusal {
  const problems = found.map((problem): ManifestProblem => {
    const pointer = pointerOf(problem.path);
    const end = problem.found === undefined ? '' : `, found ${problem.found}`;
    return {
      pointer,
      expected: problem.expected,
      message: `${pointer || 'manifest'}: expected ${problem.expected}${end}`,
    };
  });
  const why = problems.map((problem) => problem.message).join('; ');
  return {
    ...refuse('manifest-malformed', 'release manifest', why, {
      where: problems[0]?.pointer ?? '',
      unblock: 'correct these places and create the release again',
    }),
    problems,
  };
}
