import {
  closesOperations,
  type Digest,
  dueOfPromotion,
  envelopeOf,
  evolvePromotion,
  movedTenants,
  type Principal,
  type Promotion,
  type PromotionEvent,
} from '@headgate/domain';
import type { Deps } from '../deps.ts';
import { waitsFor } from '../ports/facets.ts';
import { streams } from '../records.ts';
import { type Overtakes, overtake } from './overtaking.ts';
import { planForPromotion } from './plan-promotion.ts';
import { no, notPermitted, ok, type Result, refuse, untilFresh } from './result.ts';

/**
 * Cells of one promotion. Its first and last entry name them all (65,535 bytes), and the commit that opens its first wave
 * names each of them twice (2,000 streams).
 */
const MOST_CELLS = 900;

/** Promotions of one principal that have yet to begin: more would only hide one another. */
const MOST_WAITING = 200;
const PAGE = 1_000;

export interface RequestPromotion {
  readonly release: Digest;
  readonly environment: string;
  /** The only tenants that it is for; absent: everybody who isn't on the release yet. */
  readonly tenants?: readonly string[];
  /** The open promotion that it overtakes. */
  readonly overtakes?: Overtakes;
  /** The caller's idempotency key: the same key asks for the same promotion. */
  readonly key?: string;
  /** The trace that it begins in (W3C `traceparent`), for whoever follows it. */
  readonly trace?: string;
}

/** Asks to take a release to an environment: plans it, stores the plan by its digest, and opens the promotion. */
export async function requestPromotion(
  deps: Deps,
  principal: Principal,
  request: RequestPromotion,
): Promise<Result<Promotion>> {
  const what = `promote to ${request.environment}`;
  const denied = notPermitted(principal, 'promote', `environment/${request.environment}`);
  if (denied !== undefined) return no(denied);
  const id =
    request.key === undefined ? deps.newId('prm') : `prm_${deps.digestOf([principal.id, request.key]).slice(7, 31)}`;
  const stream = streams.promotion(id);
  const only = request.tenants && deps.digestOf([...new Set(request.tenants)].sort());
  const asked = async (): Promise<Result<Promotion> | undefined> => {
    const existing = (await deps.store.load([stream])).get(stream)?.state as Promotion | undefined;
    if (existing === undefined) return undefined;
    const same =
      existing.release.digest === request.release &&
      existing.environment === request.environment &&
      existing.only?.asked === only &&
      existing.overtakes === request.overtakes?.promotion;
    return same
      ? ok(existing)
      : refuse('key-reused', what, stream, 'this idempotency key asked for another promotion before', 'use a new key');
  };
  // What a hotfix ends moves by itself, and somebody may ask with the same key at the same moment: perhaps for something else.
  return untilFresh(what, stream, async () => (await asked()) ?? open(deps, principal, request, { id, only, asked }));
}

/** The promotion that is to be opened, and what was asked for under its id before, if anything was. */
interface Asked {
  readonly id: string;
  readonly only: Digest | undefined;
  asked(): Promise<Result<Promotion> | undefined>;
}

/** Plans it and opens it. Undefined when what it overtakes moved meanwhile, or when its key was faster elsewhere. */
async function open(
  deps: Deps,
  principal: Principal,
  request: RequestPromotion,
  { id, only, asked }: Asked,
): Promise<Result<Promotion> | undefined> {
  const what = `promote to ${request.environment}`;
  const stream = streams.promotion(id);
  const { environment, release: digest } = request;
  const hotfix = { id, environment, release: digest };
  const overtaken = request.overtakes && (await overtake(deps, principal, request.overtakes, hotfix));
  if (overtaken?.ok === false) return overtaken;
  const overtaking = overtaken?.value;
  // A hotfix comes at a bad hour, and ends another promotion.
  const waiting = overtaking === undefined ? await waitingOf(deps, principal) : 0;
  if (waiting >= MOST_WAITING) return tooManyWaiting(what, principal);
  const planned = await planForPromotion(deps, request.release, request.environment, request.tenants, overtaking);
  if (!planned.ok) return planned;
  const { plan, release } = planned.value;
  if (plan.cells.length > MOST_CELLS)
    return refuse(
      'too-many-cells',
      what,
      `environment/${request.environment}`,
      `it has ${plan.cells.length} cells, one promotion takes at most ${MOST_CELLS}`,
      'split the environment',
    );
  const moved = plan.cells.reduce((sum, cell) => sum + movedTenants(cell, cell.steps.length).length, 0);
  const planDigest = await deps.blobs.put(deps.canonical(plan));
  const envelope = await deps.blobs.put(deps.canonical(envelopeOf(plan)));
  const event: PromotionEvent = {
    type: 'promotion.requested',
    data: {
      id,
      application: plan.application,
      environment: plan.environment,
      release: plan.release,
      plan: planDigest,
      envelope,
      requester: principal.id,
      authors: [...new Set([...release.manifest.authors, release.registeredBy])],
      cells: plan.cells.map((c) => c.cell),
      waves: plan.waves.length,
      latestFinish: plan.latestFinish,
      ...(only !== undefined && { only: { asked: only, count: moved } }),
      ...(request.trace !== undefined && { trace: request.trace }),
      ...(overtaking !== undefined && { overtakes: overtaking.promotion }),
      ...(plan.gates.some(({ at }) => at === 'no-return') && { gatedAtNoReturn: true }),
      ...(closesOperations(plan) && { closesOperations: true }),
    },
  };
  const state = evolvePromotion(undefined, event);
  const committed = await deps.store.commit({
    by: principal.id,
    writes: [
      {
        stream,
        expected: 0,
        entries: [event],
        state,
        dueAt: dueOfPromotion(state, 0),
        parent: streams.release(plan.release.digest),
      },
      ...(overtaking === undefined ? [] : [overtaking.write]),
    ],
    reads: overtaking?.reads ?? [],
    wake: overtaking?.wake ?? [],
    // What was counted above may be more by now: others ask at the same moment.
    ...(overtaking === undefined && { waiting: { of: principal.id, most: MOST_WAITING } }),
  });
  if (committed.ok) return ok(state);
  if (committed.because === 'waiting') return (await asked()) ?? tooManyWaiting(what, principal);
  return undefined;
}

function tooManyWaiting(what: string, { id }: Principal): Result<never> {
  return refuse(
    'too-many-waiting',
    what,
    `principal/${id}`,
    `${MOST_WAITING} promotions that ${id} asked for wait to begin`,
    'withdraw some of them (headgate reject PROMOTION --reason "…"), or wait until they begin or run out',
  );
}

/** How many promotions that this principal asked for have yet to begin, as far as the bound. */
async function waitingOf({ store }: Deps, { id }: Principal): Promise<number> {
  let waiting = 0;
  for (let after: string | undefined; waiting < MOST_WAITING; ) {
    const behind = after !== undefined && { after };
    const page = await store.list('promotion', { open: true, phase: 'awaiting', limit: PAGE, ...behind });
    for (const { stream, state } of page) if (waitsFor(stream, state, id)) waiting += 1;
    if (page.length < PAGE) break;
    after = page.at(-1)?.stream;
  }
  return waiting;
}
