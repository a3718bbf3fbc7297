import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { readIfThere, readSecret, writeDurably } from '@headgate/adapters/machine/index';
import { createPrincipal, type Deps, hashToken, streams } from '@headgate/control';
import type { Principal, Role } from '@headgate/domain';
import type { Folder } from './folder.ts';

/** The local users of a new installation: one for each role that people have. */
const LOCAL_ROLES: readonly Role[] = ['admin', 'developer', 'release-manager', 'approver', 'operator', 'auditor'];

/** Whoever founds an installation; acts only here. */
const FOUNDER: Principal = { id: 'sys', roles: ['admin'] };

export function localUser(role: Role): string {
  return `usr_${role}`;
}

/** A new token of a principal: 256 random bits behind its id. Said once; only its hash is stored. */
export function newToken(id: string): string {
  return `${id}.${randomBytes(32).toString('base64url')}`;
}

/**
 * Creates the local users that aren't there, each with its token in a 0600 file. The file comes first, so a crash between
 * the two is mended by the next start. Users that exist are left alone: a further server on the same database has no
 * tokens in its folder.
 */
export async function createFirstPrincipals(deps: Deps, folder: Folder): Promise<readonly Role[]> {
  const created: Role[] = [];
  for (const role of LOCAL_ROLES) {
    const id = localUser(role);
    const stream = streams.principal(id);
    if ((await deps.store.load([stream])).has(stream)) continue;
    const file = folder.token(role);
    if ((await readIfThere(file)) === undefined) await writeDurably(file, `${newToken(id)}\n`, 0o600);
    const result = await createPrincipal(deps, FOUNDER, {
      id,
      roles: [role],
      tokenHash: hashToken(await readSecret(file)),
    });
    if (result.ok) created.push(role);
    // Another server was faster, and its token is the one that counts.
    else await rm(file, { force: true });
  }
  return created;
}
