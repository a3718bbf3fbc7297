import { z } from 'zod';
import { route } from '../route.ts';
import { name, pageOf, paging, prefix } from '../schemas/common.ts';
import { affectedTenant, incident } from '../schemas/incident.ts';

const tag = 'incident';
const asked = {
  /** How far back what has ended is told. */
  hours: z.coerce.number().int().min(1).max(168).default(6),
  environment: name.exactOptional(),
};

export const incidentRoutes = {
  showIncident: route({
    method: 'GET',
    path: '/v1/incident',
    summary:
      'What is open or went wrong: which tenants, which transactions, what changed, what can be done, whom to call',
    tag,
    needs: ['read'],
    query: z.object(asked),
    response: incident,
  }),
  listIncidentTenants: route({
    method: 'GET',
    path: '/v1/incident/tenants',
    summary: 'The tenants that it reaches, those that are held first',
    tag,
    needs: ['read'],
    query: z.object({
      ...asked,
      cursor: paging.cursor,
      limit: paging.limit,
      /** By how the tenant's name begins. */
      prefix,
      held: z.enum(['true', 'false']).exactOptional(),
    }),
    response: pageOf(affectedTenant),
  }),
} as const;
