/**
 * A whole promotion and its undo, in an environment that may be without it: asked for like any other, followed to the soak of
 * its last wave, taken back, and read from the log and from the agents' looks at the cells. What is moved is moved by the
 * server and its agents alone; nothing here acts on a cell.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, ProblemError, type Promotion, ServerUnreachable } from '@headgate/contract';
import {
  digestOf,
  type RehearsedTraffic,
  type RehearsedWith,
  type RollbackRehearsalFacts,
  type RollbackRehearsalResult,
  readRollbackRehearsal,
  rollbackRehearsalStatement,
  type SigningKey,
  signStatement,
  turningPointOf,
} from '@headgate/documents';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { currentNote } from '../log/heads.ts';
import { printable } from '../output.ts';
import { patiently } from '../patience.ts';
import { approvalAwaited, approveCommand, closedGateLines } from '../promotions/approval-awaited.ts';
import { EventFeed } from '../promotions/event-feed.ts';
import { explained, objectionLines } from '../promotions/objections.ts';
import { promotionLine, watchEvents } from '../promotions/watch-promotion.ts';
import { resolveRelease } from '../releases/resolve-release.ts';
import { fitForRehearsal } from './fit-for-rehearsal.ts';
import { RehearsedPromotion } from './rehearsed-promotion.ts';
import { rollbackRehearsalLines } from './rollback-words.ts';
import { expectAnswers, Traffic } from './send-traffic.ts';

export interface RollbackAsk {
  readonly environment: string;
  readonly traffic: readonly URL[];
  /** How long it may take until its turn, and again until its end. Milliseconds. */
  readonly waitMs: number;
  /** How long who sends requests may be without a good answer, for the exit code. Milliseconds. */
  readonly outageMs: number;
  readonly key: SigningKey | undefined;
  readonly attach: boolean;
  /** The file for the statement. */
  readonly statement: string | undefined;
}

const REASON = 'a rehearsal of its rollback: it was promoted to be taken back';
/** Good answers in a row on the release before it is taken back, and after that once more. */
const STEADY = 10;
const STEADY_MS = 5_000;
/** Agents look at their cells every few seconds; a look that tells of the undo half way is followed by another. */
const LOOKED_MS = 45_000;
const LOOKED_TWICE_MS = 10_000;
const LOOK_AGAIN_MS = 500;
/** How long a server that went away is asked again to take it back, and one at which it changes all the time. */
const AWAY_MS = 60_000;
const BUSY_MS = 30_000;
const NEVER = new AbortController().signal;

/** Rehearses it; answers the exit code. */
export async function rehearseRollback(session: Session, text: string, ask: RollbackAsk): Promise<number> {
  const { client, stop } = session;
  const release = await resolveRelease(client, text);
  await fitForRehearsal(client, release, ask.environment);
  await expectAnswers(ask.traffic, stop);
  const after = await endOfLog(client);
  const traffic = ask.traffic.length === 0 ? undefined : new Traffic(ask.traffic);
  try {
    const body = { release: release.ref.digest, environment: ask.environment };
    const promotion = await client.call('requestPromotion', { body }, { idempotencyKey: `rehearsal-${randomUUID()}` });
    const planBytes = await client.call('getBlob', { digest: promotion.plan });
    if (digestOf(planBytes) !== promotion.plan)
      throw new Failure(EXIT.unverified, 'digest-differs', `the plan’s bytes are not those of ${promotion.plan}`);
    const plan = JSON.parse(Buffer.from(planBytes).toString('utf8')) as Parameters<typeof turningPointOf>[0];
    const turning = turningPointOf(plan);
    const rehearsed = new RehearsedPromotion(promotion.id, turning);
    await tellFirst(session, promotion);
    const part = { after, traffic, soakMs: turning.soakMs };
    const waited = await thereAndBack(session, promotion, rehearsed, ask.waitMs, part);
    if (waited === 'interrupted') return EXIT.interrupted;
    await traffic?.steady(STEADY, STEADY_MS, stop);
    const read = await readWhenLookedAt(client, rehearsed, planBytes, traffic?.end());
    return await answer(session, ask, read, waited);
  } finally {
    traffic?.end();
  }
}

/** The place of the log behind which all stands that comes of this. */
async function endOfLog(client: Client): Promise<number> {
  const size = Number((await currentNote(client))?.split('\n')[1] ?? '0');
  return Number.isSafeInteger(size) ? size - 1 : -1;
}

/** What it waits for at first, and who can end that. */
async function tellFirst(session: Session, promotion: Promotion): Promise<void> {
  const { client, out } = session;
  const why = await explained(client, promotion.id);
  const lines = [
    promotionLine(promotion),
    ...(approvalAwaited(why) === undefined
      ? []
      : [`somebody else, an approver, approves it: ${approveCommand(session, promotion.id)}`]),
    ...closedGateLines(why),
    ...(await objectionLines(session, why?.objections, why?.objectionsLeft)),
  ];
  for (const line of lines) out.line(line);
}

interface Part {
  readonly after: number;
  readonly traffic: Traffic | undefined;
  readonly soakMs: number;
}

type Waited = 'ended' | 'late' | 'interrupted';

/** Follows it to its turn, takes it back, and follows it to its end. Whatever happens meanwhile, it is taken back. */
async function thereAndBack(
  session: Session,
  { id, release, environment }: Promotion,
  rehearsed: RehearsedPromotion,
  waitMs: number,
  { after, traffic, soakMs }: Part,
): Promise<Waited> {
  const { client, out, stop } = session;
  const feed = new EventFeed();
  feed.name(id, release.version, environment);
  let turned = false;
  const turn = (): void => {
    if (!turned) traffic?.turn();
    turned = true;
  };
  const takeBack = async (): Promise<void> => {
    turn();
    const ask = () => client.call('rollBackPromotion', { promotion: id, body: { reason: REASON } });
    // Steps that end just then may be in the way of the word: nobody's wish to stop keeps it from being said again.
    const said = () =>
      patiently(BUSY_MS, NEVER, ask, (error) => error instanceof ProblemError && error.code === 'busy');
    await patiently(AWAY_MS, stop, said, (error) => error instanceof ServerUnreachable).catch((error) => {
      // It ended meanwhile, which its entries tell. Any other no would leave it on the release.
      if (!(error instanceof ProblemError && error.code === 'wrong-phase')) throw error;
    });
  };
  const follow = (signal: AbortSignal): Promise<void> =>
    watchEvents({ client, stop: signal }, rehearsed.entries.at(-1)?.place ?? after, async (event, place) => {
      if (!rehearsed.see(place, event)) return false;
      for (const line of feed.tell(event)) out.line(line);
      if (rehearsed.stands === 'back') turn();
      // A part of it is back by itself: the rest of it follows.
      if (rehearsed.stands === 'held' && event.type === 'promotion.held') await takeBack();
      if (!turned && rehearsed.isAtItsTurn) {
        await traffic?.steady(STEADY, Math.min(STEADY_MS, soakMs / 2), signal);
        await takeBack();
      }
      return rehearsed.stands === 'ended';
    });
  const inTime = (): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(waitMs)]);
  await follow(inTime()).catch(async (error) => {
    if (!(error instanceof ProblemError && error.code === 'beyond-head')) throw error;
    // Nobody knows what of it the backup has. It doesn't stay where it is for that.
    await takeBack().catch((not) => {
      if (!(not instanceof ProblemError && not.status === 404)) throw not;
    });
    throw new Failure(
      EXIT.refused,
      'log-shorter',
      `the control plane was restored from a backup meanwhile, and its log lacks what ${id} did: nothing is signed`,
      'when its cells were read back (headgate status), rehearse again',
    );
  });
  if (rehearsed.stands !== 'ended') {
    if (!turned) {
      if (!stop.aborted) out.line(`it didn’t come to its last soak within ${waitMs / 1_000} s, and is taken back`);
      await takeBack();
    }
    await follow(inTime());
  }
  for (const line of feed.rest()) out.line(line);
  if (stop.aborted && rehearsed.stands !== 'ended') {
    out.line(`nobody waits any longer, and nothing is signed; ${id} goes back: headgate watch ${id}`);
    return 'interrupted';
  }
  if (!rehearsed.begun)
    throw new Failure(
      EXIT.waiting,
      'not-begun',
      `promotion ${id} never opened a wave, and is given up: nothing was rehearsed, and nothing is signed`,
      `see what it waited for: headgate explain ${id}; --wait SECONDS waits longer`,
    );
  return rehearsed.stands === 'ended' ? 'ended' : 'late';
}

interface Read {
  readonly facts: RollbackRehearsalFacts;
  readonly result: RollbackRehearsalResult;
}

/** Agents tell of what they see a moment after the last step: they are waited for, unless it is known to have gone wrong. */
async function readWhenLookedAt(
  client: Client,
  { id, entries, overfull }: RehearsedPromotion,
  planBytes: Uint8Array,
  traffic: RehearsedTraffic | undefined,
): Promise<Read> {
  if (overfull) throw new Failure(EXIT.refused, 'too-long', `the log has more entries of ${id} than can be read here`);
  let until = performance.now() + LOOKED_MS;
  let lookedAt: number | undefined;
  const plan = JSON.parse(Buffer.from(planBytes).toString('utf8')) as {
    readonly cells: readonly { readonly cell: string }[];
  };
  for (;;) {
    const seen = new Map<string, NonNullable<ReturnType<RehearsedWith['seen']['get']>>>();
    for (const { cell } of plan.cells) {
      const { observed } = await client.call('showCell', { cell });
      if (observed !== null) seen.set(cell, { state: observed.state, at: observed.at });
    }
    const read = readRollbackRehearsal({ planBytes, entries, seen, ...(traffic !== undefined && { traffic }) });
    if (!read.ok) throw new Failure(EXIT.unverified, read.code, read.why, read.unblock);
    const { endedAt, cells } = read.facts;
    if (read.result.ok || performance.now() > until) return read;
    // Nobody's look turns what failed, or what has not ended.
    if (endedAt === undefined || cells.some(({ failures }) => failures.length > 0)) return read;
    if (lookedAt === undefined && cells.every(({ seenAt }) => seenAt !== undefined)) {
      lookedAt = performance.now();
      until = Math.min(until, lookedAt + LOOKED_TWICE_MS);
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

async function answer(session: Session, ask: RollbackAsk, { facts, result }: Read, waited: Waited): Promise<number> {
  const { client, out } = session;
  const statement = rollbackRehearsalStatement(facts);
  const bundle = ask.key === undefined ? undefined : signStatement(statement, ask.key);
  if (ask.statement !== undefined)
    await writeFile(ask.statement, `${JSON.stringify(bundle ?? statement)}\n`, { mode: 0o600 });
  // Of a bad rehearsal, too: what was seen counts, whatever it was.
  const attached = ask.attach
    ? await client.call('attachEvidence', { body: { bundle: bundle as unknown as Record<string, unknown> } })
    : undefined;
  const lines = [
    ...rollbackRehearsalLines(facts, result, ask.outageMs),
    ...(ask.statement === undefined
      ? []
      : [`The ${bundle === undefined ? 'statement, not signed,' : 'signed statement'} is in ${ask.statement}.`]),
    ...(attached === undefined ? [] : [`attached ${attached.digest} to ${attached.subject}`]),
  ];
  const evidence = attached?.digest;
  out.answer({ release: facts.release, result, facts, ...(evidence && { evidence }) }, lines.map(printable).join('\n'));
  if (waited === 'late') return EXIT.waiting;
  return result.ok && (result.longestOutageMs ?? 0) <= ask.outageMs ? EXIT.ok : EXIT.refused;
}
