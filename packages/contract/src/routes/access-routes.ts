import { z } from 'zod';
import { route } from '../route.ts';
import { enrolled, principal, role } from '../schemas/access.ts';
import { localPrincipalId, name, pageOf, paging, prefix } from '../schemas/common.ts';

export const accessRoutes = {
  createPrincipal: route({
    method: 'POST',
    path: '/v1/principals',
    summary: 'Create a local principal; its token is said once',
    tag: 'access',
    needs: ['manage-principals'],
    body: z.strictObject({ id: localPrincipalId, roles: z.array(role).min(1).max(7) }),
    response: enrolled,
    status: 201,
    twice: 'an id that is taken is refused with 409',
  }),
  listPrincipals: route({
    method: 'GET',
    path: '/v1/principals',
    summary: 'Principals in the order of their ids',
    tag: 'access',
    needs: ['manage-principals', 'read-log'],
    query: z.object({ ...paging, prefix }),
    response: pageOf(principal),
  }),
  rotateToken: route({
    method: 'POST',
    path: '/v1/principals/{id}/token',
    summary: 'A new token, said once; the one before is worth nothing from then on',
    tag: 'access',
    needs: ['manage-principals'],
    params: z.object({ id: localPrincipalId }),
    response: enrolled,
    twice: 'the token that was said last is the one that counts',
  }),
  revokePrincipal: route({
    method: 'DELETE',
    path: '/v1/principals/{id}',
    summary: 'Takes every right from a principal, for good and at once; what it did keeps its name',
    tag: 'access',
    needs: ['manage-principals'],
    params: z.object({ id: localPrincipalId }),
    response: principal,
    twice: 'a principal is revoked once',
  }),
  enrolAgent: route({
    method: 'POST',
    path: '/v1/agents',
    summary: 'Enrol an agent for environments; its token is said once',
    tag: 'access',
    needs: ['manage-principals'],
    body: z.strictObject({ id: localPrincipalId, environments: z.array(name).min(1).max(100) }),
    response: enrolled,
    status: 201,
    twice: 'an id that is taken is refused with 409',
  }),
  widenAgent: route({
    method: 'POST',
    path: '/v1/agents/{id}/environments',
    summary: 'An agent carries out the steps of these environments, too, from then on; its token stays',
    tag: 'access',
    needs: ['manage-principals'],
    params: z.object({ id: localPrincipalId }),
    body: z.strictObject({ environments: z.array(name).min(1).max(100) }),
    response: principal,
    twice: 'environments that it has already are no change',
  }),
  whoami: route({
    method: 'GET',
    path: '/v1/whoami',
    summary: 'Who the token belongs to',
    tag: 'access',
    needs: ['read', 'read-log', 'carry-out'],
    response: principal,
  }),
} as const;

export const metricsRoutes = {
  metrics: route({
    method: 'GET',
    path: '/metrics',
    summary: 'What this process measures, in Prometheus’ text format; scrape it with a token that may read',
    tag: 'server',
    needs: ['read', 'read-log'],
    response: 'text',
  }),
} as const;

/** What needs no token: is it up, is it ready, what does it speak. */
export const openRoutes = {
  healthz: route({
    method: 'GET',
    path: '/healthz',
    summary: 'The process lives',
    tag: 'server',
    needs: [],
    response: z.object({ status: z.literal('ok') }),
  }),
  readyz: route({
    method: 'GET',
    path: '/readyz',
    summary: 'Everything that it needs is there; 503 names the part that is missing',
    tag: 'server',
    needs: [],
    response: z.object({
      ready: z.boolean(),
      parts: z.array(z.object({ part: z.string(), ready: z.boolean(), why: z.string() })),
    }),
  }),
  openapi: route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    tag: 'server',
    needs: [],
    response: z.record(z.string(), z.unknown()),
  }),
} as const;
