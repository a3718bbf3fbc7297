import { hash, timingSafeEqual } from 'node:crypto';
import type { Principal, Role } from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { NewerRow } from '../ports/errors.ts';
import type { Read, Row } from '../ports/store.ts';
import { type PrincipalRecord, type RecoveryRecord, streams } from '../records.ts';
import { no, notPermitted, ok, type Result, refuse } from './result.ts';

export interface NewPrincipal {
  readonly id: string;
  readonly roles: readonly Role[];
  readonly environments?: readonly string[];
  /** SHA-256 of the token, hex. The token itself never reaches the store. */
  readonly tokenHash: string;
}

export function hashToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/**
 * How the log names a token: the SHA-256 of its hash, so that the audit sees one that was exchanged in the row. Whoever reads the
 * log learns no hash from it.
 */
export function nameOfToken(tokenHash: string): string {
  return `sha256:${hash('sha256', tokenHash, 'hex')}`;
}

/**
 * Creates a principal. Roles and environments go on the log, and its token by a name that proves nothing but sameness. `asOf`:
 * the row that `by` was recognised by; where that has changed, nothing is made.
 */
export async function createPrincipal(
  deps: Deps,
  by: Principal,
  created: NewPrincipal,
  asOf?: Read,
): Promise<Result<Principal>> {
  const stream = streams.principal(created.id);
  const denied = notPermitted(by, 'manage-principals', stream);
  if (denied !== undefined) return no(denied);
  const { id, roles, environments } = created;
  const createdAt = await deps.store.now();
  const state: PrincipalRecord = { ...created, revoked: false, createdAt, ...madeIn(deps) };
  const shown = { id, roles, ...(environments === undefined ? {} : { environments }) };
  const data = { ...shown, token: nameOfToken(created.tokenHash) };
  const committed = await deps.store.commit({
    by: by.id,
    writes: [{ stream, expected: 0, entries: [{ type: 'principal.created', data }], state, dueAt: null }],
    ...(asOf !== undefined && asOf.stream !== stream && { reads: [asOf] }),
  });
  if (!committed.ok && committed.conflict !== stream && committed.conflict === asOf?.stream)
    return tokenEnded('create a principal');
  if (!committed.ok)
    return refuse('already-there', 'create a principal', stream, 'the id is taken', 'choose another id');
  return ok(shown as Principal);
}

/** Whoever asked was revoked, or got another token, while this was decided. */
export function tokenEnded<T>(what: string): Result<T> {
  return refuse(
    'no-token',
    what,
    'authorization',
    'the token was replaced or revoked while this was asked for',
    'an administrator makes a new token: headgate principal rotate ID --token-out FILE',
  );
}

/** The epoch that a token is made in; after a restore the ones from before may be worth nothing. */
export function madeIn({ epoch }: Pick<Deps, 'epoch'>): { readonly epoch?: number } {
  return epoch > 1 ? { epoch } : {};
}

/** Whose a token is, and the version of the row that says so: what rests on it names it among its reads. */
export interface Recognised {
  readonly principal: Principal;
  readonly asOf: Read;
}

/** Who a token belongs to, as {@link recognise} tells it. */
export async function authenticate(deps: Pick<Deps, 'store' | 'epoch'>, token: string): Promise<Principal | undefined> {
  return (await recognise(deps, token))?.principal;
}

/**
 * Who a token belongs to. A token is `<principal id>.<secret>`; its whole is hashed and compared in constant time. Undefined for
 * anything that isn't a living principal's token, without saying which part was wrong. After a restore from a backup, in
 * which revoked tokens are worth something again, people's tokens from before may be refused; agents' are not, since what
 * they may do is what their own machines let them. Throws `NewerRow` where a newer Headgate wrote the row that says whose it
 * is: what it says there nobody here can tell, nor check.
 */
export async function recognise(deps: Pick<Deps, 'store' | 'epoch'>, token: string): Promise<Recognised | undefined> {
  const dot = token.indexOf('.');
  if (dot < 1 || dot > 100 || token.length > 300) return undefined;
  const stream = streams.principal(token.slice(0, dot));
  const recovered = streams.recovery(deps.epoch);
  const rows = await deps.store.load(deps.epoch > 1 ? [stream, recovered] : [stream]);
  const row = rows.get(stream) as Row<PrincipalRecord> | undefined;
  const expected = Buffer.from(row?.state.tokenHash ?? '0'.repeat(64), 'hex');
  const matches = timingSafeEqual(Buffer.from(hashToken(token), 'hex'), expected);
  if (!matches || row === undefined) return undefined;
  for (const read of rows.values()) if (read.newer === true) throw new NewerRow(read.stream);
  if (row.state.revoked) return undefined;
  const { id, roles, environments, epoch = 1 } = row.state;
  const recovery = rows.get(recovered)?.state as RecoveryRecord | undefined;
  const from = recovery?.tokensFrom ?? (recovery?.refuseTokens ? deps.epoch : 1);
  if (epoch < from && !roles.includes('agent')) return undefined;
  const principal = environments === undefined ? { id, roles } : { id, roles, environments };
  return { principal, asOf: { stream, version: row.version } };
}
