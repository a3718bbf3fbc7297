/**
 * What a vault says of a store's write-ahead log (WAL), as signed statements. One is of a piece: a segment of the log, or the
 * history of a timeline; its subject is the piece itself, as PostgreSQL archived it. The other is of the reach: up to which
 * moment all of the log lies there, so that what would be lost is known, and so that a piece that somebody took away is missed.
 */
import type { Digest } from '@headgate/domain';
import { z } from 'zod';
import { type Refused, refuse } from '../refusal.ts';
import { SEALED_WAL_PREDICATE, WAL_REACH_PREDICATE } from './predicates.ts';
import { type SignedBundle, signStatement } from './sign.ts';
import type { SigningKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Trust } from './trust.ts';
import { type BundleRefusal, expectStatement, subjectOf, verifyBundle } from './verify.ts';

const count = z.int().min(0);
const name = z.string().min(1).max(200);
/** `0/6000100`: PostgreSQL's own way of writing a place in the log. */
const lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);

/** A segment (timeline, and its number in two halves), or the history of a timeline. */
export const WAL_PIECE = /^([0-9A-F]{24}|[0-9A-F]{8}\.history)$/;

const whose = {
  v: z.literal(1),
  environment: name,
  cell: name,
  store: name,
  /** The cluster's own: a store that was made anew has another one. */
  systemIdentifier: z.string().regex(/^[0-9]{1,20}$/),
};

const piece = z.strictObject({
  ...whose,
  name: z.string().regex(WAL_PIECE),
  /** Bytes as PostgreSQL archived it; it is compressed (gzip), then encrypted. */
  plainSize: count,
  /** Bytes as they lie in the vault, and their SHA-256. */
  size: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What was acknowledged before then stands in this piece or in one before it. By the agent's clock. */
  holdsUntil: count,
  sealedAt: count,
});

const reach = z.strictObject({
  ...whose,
  /** What was acknowledged before then lies in the vault. By the agent's clock. */
  at: count,
  /** When that was known: after all of it had been read back. */
  sealedAt: count,
  /** The log's place at that moment, which whoever replays it has to come to. */
  lsn,
  /** The segment that ends there. */
  last: z.string().regex(/^[0-9A-F]{24}$/),
  /** Number of the segment from which on none is missing up to the last, along its timeline. */
  from: count,
  /** Every timeline but the first: which one it left, at which place, and when. */
  timelines: z.array(z.strictObject({ timeline: count, parent: count, at: lsn, begunAt: count })).max(1_000),
});

export type SealedWal = Readonly<z.output<typeof piece>>;
export type WalReach = Readonly<z.output<typeof reach>>;

/** Whose log somebody wants: anything else is another one's. */
export type WalIdentity = Pick<SealedWal, 'environment' | 'cell' | 'store'>;

type Opened<T> =
  | {
      readonly ok: true;
      readonly sealed: T;
      /** Of the piece; of a reach: of the last segment. */
      readonly subject: Digest;
      readonly signer: string;
    }
  | BundleRefusal
  | Refused<'sealed-wal-malformed' | 'another-wal'>;

/** Signs the statement of a piece. `plain` is the digest of the piece as PostgreSQL archived it. */
export function signSealedWal(sealed: SealedWal, plain: Digest, key: SigningKey): SignedBundle {
  return signStatement(statementAbout(sealed.name, plain, SEALED_WAL_PREDICATE, sealed), key);
}

/** Signs the reach. `last` is the digest of the last segment as PostgreSQL archived it. */
export function signWalReach(sealed: WalReach, last: Digest, key: SigningKey): SignedBundle {
  return signStatement(statementAbout(sealed.last, last, WAL_REACH_PREDICATE, sealed), key);
}

/** Opens the statement of a piece; only of the one that is expected. */
export function openSealedWal(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  expected: WalIdentity & Pick<SealedWal, 'systemIdentifier' | 'name'>,
): Opened<SealedWal> {
  return open(bundle, trust, SEALED_WAL_PREDICATE, piece, expected);
}

/** Opens the reach; only of the store that is expected. */
export function openWalReach(bundle: unknown, trust: Pick<Trust, 'signers'>, expected: WalIdentity): Opened<WalReach> {
  return open(bundle, trust, WAL_REACH_PREDICATE, reach, expected);
}

function open<T extends object>(
  bundle: unknown,
  trust: Pick<Trust, 'signers'>,
  type: string,
  form: z.ZodType<T>,
  expected: Readonly<Record<string, string>>,
): Opened<T> {
  const verified = verifyBundle(bundle, trust, 'restore-point');
  if (!verified.ok) return verified;
  const mismatch = expectStatement(verified, type);
  if (mismatch !== undefined) return mismatch;
  const what = 'statement of WAL in a vault';
  const parsed = form.safeParse(verified.statement.predicate);
  if (!parsed.success) {
    const where = `predicate.${parsed.error.issues[0]?.path.join('.') ?? ''}`;
    return refuse('sealed-wal-malformed', what, `at ${where}: ${parsed.error.issues[0]?.message}`, { where });
  }
  for (const [field, wanted] of Object.entries(expected)) {
    const found = (parsed.data as Readonly<Record<string, unknown>>)[field];
    if (found !== wanted)
      return refuse('another-wal', what, `its ${field} is ${found}, not ${wanted}`, {
        where: `predicate.${field}`,
        unblock: 'nothing renames what lies in a vault: somebody put another piece in its place',
      });
  }
  return { ok: true, sealed: parsed.data, subject: subjectOf(verified.statement), signer: verified.signer.name };
}
