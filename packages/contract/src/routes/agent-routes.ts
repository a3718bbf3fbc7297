import { z } from 'zod';
import { route } from '../route.ts';
import { assignment, outcome, undoneAway } from '../schemas/assignment.ts';
import { cell, cellState } from '../schemas/cells.ts';
import { id, instant, name, pageOf, paging, prefix } from '../schemas/common.ts';
import { MAX_MOVES, toldMove } from '../schemas/moves.ts';
import { pinsOfCell, toldPins } from '../schemas/pins.ts';
import { heardClock, MAX_STANDBYS, toldStandby } from '../schemas/standbys.ts';
import { MAX_VAULTS, toldVault } from '../schemas/vaults.ts';

const tag = 'agents';
const needs = ['carry-out'] as const;
const lease = z.object({ rollout: id, n: z.coerce.number().int().min(0) });
/** The fence's other half: a restored control plane hands out the same numbers for other steps, and forgets the old ones. */
const epoch = z.object({ epoch: z.coerce.number().int().min(0).exactOptional() });

/** Longest that a long poll for work may wait, in milliseconds. */
export const MAX_LEASE_WAIT_MS = 20_000;

/** Cells that an agent can name as its own; one that has more names none, and is offered any step of its environments. */
export const MAX_LEASE_CELLS = 100;
/** A cell's name among others; what a name can't be (`schemas/common.ts`), it can't be here. */
const ONE = '(?!constructor(,|$))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const NAMES_OF_CELLS = new RegExp(`^${ONE}(,${ONE}){0,${MAX_LEASE_CELLS - 1}}$`);

export const agentRoutes = {
  leaseStep: route({
    method: 'POST',
    path: '/v1/agent/leases',
    summary: 'Take the oldest step on offer in the agent’s environments; waits up to waitMs for one',
    tag,
    needs,
    /** What the agent has seen: the newest epoch, and how far the log went. A server that is behind hands out nothing. */
    query: z.object({
      epoch: z.coerce.number().int().min(0).exactOptional(),
      head: z.coerce.number().int().min(0).exactOptional(),
      /** The cells that it has, with commas between: only their steps are handed out. In the query, where older servers overlook it. */
      cells: z.string().regex(NAMES_OF_CELLS, `expected at most ${MAX_LEASE_CELLS} names of cells`).exactOptional(),
    }),
    body: z.strictObject({ waitMs: z.int().min(0).max(MAX_LEASE_WAIT_MS).default(0) }),
    response: z.object({ assignment: assignment.nullable() }),
    twice: 'a lease whose answer was lost runs out after its lifetime and is offered again with a higher fence',
  }),
  renewLease: route({
    method: 'POST',
    path: '/v1/agent/leases/{rollout}/{n}/renew',
    summary: 'Prolong a lease; 409 fenced when it is somebody else’s now: stop at once',
    tag,
    needs,
    params: lease,
    query: epoch,
    response: z.object({ lifetimeMs: z.int() }),
    twice: 'the later renewal counts',
  }),
  settleStep: route({
    method: 'POST',
    path: '/v1/agent/leases/{rollout}/{n}/outcome',
    summary: 'Answer for an assignment',
    tag,
    needs,
    params: lease,
    query: epoch,
    body: outcome,
    maxBytes: 64 * 1024,
    /** All that an agent needs to know is that it was taken. */
    response: z.object({ id, phase: z.string() }),
    twice: 'the second answer is refused with 409: it is settled',
  }),
  tellUndone: route({
    method: 'POST',
    path: '/v1/agent/rollouts/{rollout}/undone',
    summary: 'Tell what the agent took back by itself while the server was away',
    tag,
    needs,
    params: z.object({ rollout: id }),
    body: undoneAway,
    maxBytes: 16 * 1024 * 1024,
    /** 50,000 steps of up to ten values. */
    maxValues: 500_000,
    /** `late`: the rollout had been settled; its cell is uncertain until it is observed. */
    response: z.object({ id, phase: z.string(), took: z.enum(['taken-up', 'known', 'late']) }),
    twice: 'what is known is no news',
  }),
  observeCell: route({
    method: 'PUT',
    path: '/v1/agent/cells/{cell}/observation',
    summary: 'Say what is seen in a cell',
    tag,
    needs,
    params: z.object({ cell: name }),
    headers: toldPins,
    body: cellState,
    maxBytes: 4 * 1024 * 1024,
    /** 10,000 tenants, and as many stores that differ in twenty ways. */
    maxValues: 300_000,
    response: cell,
    twice: 'an unchanged observation is no news',
  }),
  tellStandbys: route({
    method: 'PUT',
    path: '/v1/agent/cells/{cell}/standbys',
    summary:
      'Say what is seen of the standbys of a cell’s stores; an older server has no such route, and is told nothing',
    tag,
    needs,
    params: z.object({ cell: name }),
    body: z.strictObject({ standbys: z.array(toldStandby).max(MAX_STANDBYS), heard: heardClock.exactOptional() }),
    maxBytes: 256 * 1024,
    /** `at`: the control plane's clock, to say the next time that it was heard. */
    response: z.object({ standbys: z.int(), at: instant.exactOptional() }),
    twice: 'the later look counts',
  }),
  tellMoves: route({
    method: 'PUT',
    path: '/v1/agent/cells/{cell}/moves',
    summary:
      'Say how the data stands that is being moved in a cell’s stores; an older server has no such route, and is told nothing',
    tag,
    needs,
    params: z.object({ cell: name }),
    body: z.strictObject({ moves: z.array(toldMove).max(MAX_MOVES) }),
    maxBytes: 1024 * 1024,
    response: z.object({ moves: z.int(), at: instant.exactOptional() }),
    twice: 'the later word counts',
  }),
  tellVaults: route({
    method: 'PUT',
    path: '/v1/agent/cells/{cell}/vaults',
    summary:
      'Say what is seen of the restore points and logs of a cell’s stores, where they lie; an older server has no such route, and is told nothing',
    tag,
    needs,
    params: z.object({ cell: name }),
    body: z.strictObject({ vaults: z.array(toldVault).max(MAX_VAULTS) }),
    maxBytes: 4 * 1024 * 1024,
    /** As many stores as a cell may have tenants, each with a dozen values. */
    maxValues: 150_000,
    response: z.object({ vaults: z.int(), at: instant.exactOptional() }),
    twice: 'the later look counts',
  }),
  sayFarewell: route({
    method: 'POST',
    path: '/v1/agent/farewell',
    summary: 'Say that the agent ends, and in which of its cells nothing runs any more',
    tag,
    needs,
    body: z.strictObject({ stopped: z.array(name).max(1_000).default([]) }),
    response: z.object({ agent: id }),
    twice: 'the later word counts, until it asks for work again',
  }),
  listPins: route({
    method: 'GET',
    path: '/v1/pins',
    summary: 'What the agent of each cell holds, beside what is in force there, in the order of the cells’ names',
    tag,
    needs: ['read'],
    query: z.object({ ...paging, prefix, environment: name.exactOptional() }),
    response: pageOf(pinsOfCell),
  }),
} as const;
