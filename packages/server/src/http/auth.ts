import type { Route } from '@headgate/contract';
import { type Deps, type Recognised, recognise } from '@headgate/control';
import { ACCESS, mayDo, type Principal, type Refusal, type Verb } from '@headgate/domain';
import type { FastifyRequest } from 'fastify';

/** Nobody: for the few routes that need no token. */
export const NOBODY: Principal = { id: 'nobody', roles: [] };

export const NO_TOKEN: Refusal = {
  code: 'no-token',
  what: 'authenticate',
  where: 'authorization',
  why: 'there is no token with the request, nor anything that could be one',
  unblock:
    'send Authorization: Bearer <token>; the token of the first administrator is in the data folder, secrets/admin.token',
};

/** For a token that was brought: which part of it is wrong isn't said. */
export const NOBODYS_TOKEN: Refusal = {
  ...NO_TOKEN,
  why: 'the token is nobody’s here: it is another server’s, or was replaced or revoked since (after a restore of the control plane, people’s tokens from before may be refused)',
  unblock:
    'look whether this is the server that you mean; an administrator makes a new token: headgate principal rotate ID --token-out FILE (the first administrator’s own is in the server’s data folder, secrets/admin.token)',
};

/** The bearer token that a request brings; undefined without what could be one. */
export function tokenOf(request: FastifyRequest): string | undefined {
  return /^Bearer ([A-Za-z0-9_.~+/=-]{1,300})$/.exec(request.headers.authorization ?? '')?.[1];
}

/** Whose a token is; undefined when it is nobody's. */
export async function ownerOf(
  deps: Pick<Deps, 'store' | 'epoch'>,
  token: string | undefined,
): Promise<Recognised | undefined> {
  return token === undefined ? undefined : recognise(deps, token);
}

/** The refusal for a route that none of a principal's roles opens. Use cases ask again, with the resource's name. */
export function notAdmitted(principal: Principal, route: Route, where: string): Refusal | undefined {
  const judged = route.needs.map((verb) => mayDo(principal, verbOf(verb)));
  if (judged.length === 0 || judged.some((j) => j.allowed)) return undefined;
  const first = judged[0];
  return {
    code: 'not-permitted',
    what: route.needs[0] ?? '',
    where,
    why: first !== undefined && !first.allowed ? first.because : '',
    unblock: 'ask somebody with one of these roles',
  };
}

function verbOf(name: string): Verb {
  if (!(name in ACCESS)) throw new Error(`the access table has no verb ${name}`);
  return name as Verb;
}
