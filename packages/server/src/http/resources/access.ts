import {
  createPrincipal,
  hashToken,
  noEnvironment,
  type PrincipalRecord,
  type Read,
  revokePrincipal,
  rotateToken,
  undeclaredOf,
  widenAgent,
} from '@headgate/control';
import type { Role } from '@headgate/domain';
import { newToken } from '../../installation/first-principals.ts';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';
import { beginning, pageOfRows } from '../paging.ts';
import { showListedPrincipal, showPrincipal } from '../views.ts';

export function accessHandlers({
  deps,
}: Context): Handlers<
  'createPrincipal' | 'rotateToken' | 'revokePrincipal' | 'listPrincipals' | 'enrolAgent' | 'widenAgent' | 'whoami'
> {
  async function create(
    by: Parameters<typeof createPrincipal>[1],
    facts: { readonly id: string; readonly roles: readonly Role[]; readonly environments?: readonly string[] },
    asOf: Read | undefined,
  ) {
    const token = newToken(facts.id);
    const created = await createPrincipal(deps, by, { ...facts, tokenHash: hashToken(token) }, asOf);
    return created.ok ? ({ ok: true, value: { principal: showPrincipal(created.value), token } } as const) : created;
  }
  return {
    async createPrincipal({ principal, body, asOf }) {
      return create(principal, body, asOf);
    },
    async rotateToken({ principal, input, asOf }) {
      const token = newToken(input.id);
      const rotated = await rotateToken(deps, principal, input.id, hashToken(token), asOf);
      return rotated.ok ? { ok: true, value: { principal: showPrincipal(rotated.value), token } } : rotated;
    },
    async revokePrincipal({ principal, input, asOf }) {
      const revoked = await revokePrincipal(deps, principal, input.id, asOf);
      return revoked.ok ? { ok: true, value: showPrincipal(revoked.value) } : revoked;
    },
    async enrolAgent({ principal, body, asOf }) {
      const facts = { id: body.id, roles: ['agent'] as const, environments: body.environments };
      const created = await create(principal, facts, asOf);
      if (!created.ok) return created;
      // It may come before them; it may be misspelt, and would wait for ever.
      const missing = await undeclaredOf(deps.store, body.environments);
      const undeclared = await Promise.all(
        missing.map(async (environment) => ({ environment, why: await noEnvironment(deps.store, environment) })),
      );
      return { ok: true, value: { ...created.value, ...(undeclared.length > 0 && { undeclared }) } };
    },
    async widenAgent({ principal, input, body, asOf }) {
      const widened = await widenAgent(deps, principal, input.id, body.environments, asOf);
      return widened.ok ? { ok: true, value: showPrincipal(widened.value) } : widened;
    },
    async listPrincipals({ input }) {
      const page = await pageOfRows(deps.store, 'principal', input, beginning('principal', input.prefix));
      if (!page.ok) return page;
      const items = page.value.rows.map((row) => showListedPrincipal(row.state as PrincipalRecord));
      return { ok: true, value: { items, next: page.value.next } };
    },
    async whoami({ principal }) {
      return { ok: true, value: showPrincipal(principal) };
    },
  };
}
