import type { Principal } from '@headgate/domain';
import { noEnvironment, undeclaredOf } from '../declared-environments.ts';
import type { Deps } from '../deps.ts';
import type { Read, Row } from '../ports/store.ts';
import { type PrincipalRecord, streams } from '../records.ts';
import { madeIn, nameOfToken, tokenEnded } from './principals.ts';
import { no, notFound, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/**
 * Gives a principal a new token. The one before is worth nothing from the commit on, on every server. `asOf`, here and
 * below: the row that `by` was recognised by; where that has changed, nothing is.
 */
export function rotateToken(
  deps: Deps,
  by: Principal,
  id: string,
  tokenHash: string,
  asOf?: Read,
): Promise<Result<Principal>> {
  return change(
    deps,
    { by, asOf },
    id,
    'principal.token-rotated',
    (before) =>
      before.revoked
        ? refuse('revoked', 'rotate a token', streams.principal(id), 'the principal was revoked', 'create another one')
        : ok({ ...before, tokenHash, ...madeIn(deps) }),
    () => ({ token: nameOfToken(tokenHash) }),
  );
}

/** Takes every right from a principal, for good. Revoking twice is one revocation. */
export function revokePrincipal(deps: Deps, by: Principal, id: string, asOf?: Read): Promise<Result<Principal>> {
  return change(deps, { by, asOf }, id, 'principal.revoked', (before) =>
    by.id === id
      ? refuse('own-right', 'revoke a principal', streams.principal(id), 'it is you', 'ask another administrator')
      : ok(before.revoked ? before : { ...before, revoked: true }),
  );
}

/** Environments of one agent: as many as one may be enrolled for. */
const MOST_ENVIRONMENTS = 100;

/** Has an agent carry out the steps of more environments; its token stays. What it has already is no change; what nobody declared is refused. */
export function widenAgent(
  deps: Deps,
  by: Principal,
  id: string,
  more: readonly string[],
  asOf?: Read,
): Promise<Result<Principal>> {
  const stream = streams.principal(id);
  const no = (code: string, why: string, unblock: string) =>
    refuse<PrincipalRecord>(code, 'widen an agent', stream, why, unblock);
  return change(
    deps,
    { by, asOf },
    id,
    'principal.widened',
    async (before) => {
      if (before.revoked) return no('revoked', 'the agent was revoked', 'enrol another one');
      if (!before.roles.includes('agent'))
        return no('not-an-agent', 'it is no agent', 'name one (headgate agent list)');
      const has = before.environments ?? [];
      const environments = [...new Set([...has, ...more])];
      if (environments.length > MOST_ENVIRONMENTS)
        return no(
          'too-many-environments',
          `it would have ${environments.length}, an agent has at most ${MOST_ENVIRONMENTS}`,
          'enrol another agent for them',
        );
      if (environments.length === has.length) return ok(before);
      const added = environments.slice(has.length);
      const [undeclared] = await undeclaredOf(deps.store, added);
      if (undeclared !== undefined)
        return no(
          'missing-document',
          await noEnvironment(deps.store, undeclared),
          'name one of them, or declare it first: headgate apply -f FILE',
        );
      return ok({ ...before, environments, widened: true });
    },
    ({ environments = [] }) => ({ environments }),
  );
}

async function change(
  deps: Deps,
  { by, asOf }: { readonly by: Principal; readonly asOf: Read | undefined },
  id: string,
  type: string,
  decide: (before: PrincipalRecord) => Result<PrincipalRecord> | Promise<Result<PrincipalRecord>>,
  told: (after: PrincipalRecord) => object = () => ({}),
): Promise<Result<Principal>> {
  const stream = streams.principal(id);
  const denied = notPermitted(by, 'manage-principals', stream);
  if (denied !== undefined) return no(denied);
  return untilFresh(type, stream, async () => {
    const row = (await deps.store.load([stream])).get(stream) as Row<PrincipalRecord> | undefined;
    if (row === undefined) return notFound(type, stream);
    const own = asOf?.stream === stream;
    if (own && asOf.version !== row.version) return tokenEnded(type);
    const after = await decide(row.state);
    if (!after.ok) return after;
    const { roles, environments } = after.value;
    const shown: Principal = environments === undefined ? { id, roles } : { id, roles, environments };
    if (after.value === row.state) return ok(shown);
    const entry = { type, data: { id, ...told(after.value) } };
    const committed = await deps.store.commit({
      by: by.id,
      writes: [{ stream, expected: row.version, entries: [entry], state: after.value, dueAt: null }],
      ...(asOf !== undefined && !own && { reads: [asOf] }),
    });
    if (!committed.ok && committed.conflict === asOf?.stream) return tokenEnded(type);
    return committed.ok ? ok(shown) : undefined;
  });
}
