import { z } from 'zod';
import { route } from '../route.ts';
import { cell } from '../schemas/cells.ts';
import { name } from '../schemas/common.ts';
import { cellAccount, cellAnswer, recoveryShown } from '../schemas/recovery.ts';

export const recoveryRoutes = {
  readBackCell: route({
    method: 'PUT',
    path: '/v1/agent/cells/{cell}/account',
    summary: 'After a restore of the control plane: tell what was done in a cell and what stands there',
    tag: 'agents',
    needs: ['carry-out'],
    params: z.object({ cell: name }),
    body: cellAccount,
    maxBytes: 4 * 1024 * 1024,
    maxValues: 300_000,
    response: cell,
    twice: 'what was told and taken up is not asked for again',
  }),
  showRecovery: route({
    method: 'GET',
    path: '/v1/recovery',
    summary: 'The last restore from a backup: what is gone, and the cells that were not read back',
    tag: 'recovery',
    needs: ['read'],
    response: recoveryShown,
  }),
  answerCell: route({
    method: 'POST',
    path: '/v1/recovery/cells/{cell}/answer',
    summary: 'Say what became of a cell that couldn’t be read back',
    tag: 'recovery',
    needs: ['answer'],
    params: z.object({ cell: name }),
    body: cellAnswer,
    response: cell,
    twice: 'the second answer is refused with 409: nothing is asked any more',
  }),
} as const;
