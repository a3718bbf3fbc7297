import { z } from 'zod';
import { route } from '../route.ts';
import { name, pageOf, paging } from '../schemas/common.ts';
import { reconciliation } from '../schemas/reconciliations.ts';
import { signedBundle } from '../schemas/releases.ts';

const tag = 'reconciliations';

export const reconciliationRoutes = {
  listReconciliations: route({
    method: 'GET',
    path: '/v1/reconciliations',
    summary: 'The last compensation plan that was carried out in each store, by cell and store',
    tag,
    needs: ['read'],
    query: z.object({ ...paging, cell: name.exactOptional() }),
    response: pageOf(reconciliation),
  }),
  recordReconciliation: route({
    method: 'POST',
    path: '/v1/reconciliations',
    summary: 'Record the signed statement of a compensation plan that was carried out; each one lands on the log',
    tag,
    needs: ['record-reconciliation'],
    body: z.strictObject({ bundle: signedBundle }),
    maxBytes: 5 * 1024 * 1024,
    response: reconciliation,
    status: 201,
    twice: 'the same statement changes nothing',
  }),
} as const;
