import {
  type Client,
  type LogEvent,
  logEvent,
  ProblemError,
  type Promotion,
  ServerUnreachable,
} from '@headgate/contract';
import type { Output, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { instant, printable } from '../output.ts';
import { everything } from '../paging.ts';
import { EventFeed, SUM_EVERY_MS } from './event-feed.ts';
import { migrationTimeLines, migrationTimesOf } from './migration-times.ts';

/** How long a server that went away is waited for. Milliseconds. */
const PATIENCE_MS = 60_000;
/** How often somebody looks who may not watch. Milliseconds. */
const LOOK_MS = 5_000;

/** One line that says where a promotion stands. */
export function promotionLine(promotion: Promotion): string {
  const { id, release, environment, phase, wave, waves, only, overtakes } = promotion;
  const whom = only === undefined ? '' : ` for ${only.count} ${only.count === 1 ? 'tenant' : 'tenants'} alone`;
  const over = overtakes === undefined ? '' : `, overtaking ${overtakes}`;
  const why = promotion.because ?? promotion.question ?? promotion.reason ?? '';
  const back = promotion.takenBack === undefined ? '' : `, ${promotion.takenBack.words}`;
  const result = promotion.result === undefined ? phase : `${phase}: ${promotion.result}${back}`;
  const until = promotion.until === undefined ? '' : `; until ${instant(promotion.until)}`;
  const frozen = promotion.frozen === undefined ? '' : `  FROZEN (${promotion.frozen.name})`;
  const replaced = promotion.policyReplaced === undefined ? '' : '  POLICY REPLACED';
  const go = goText(promotion);
  return printable(
    `${id}  ${release.version} to ${environment}${whom}${over}  ${result}${frozen}${replaced}  wave ${wave}/${waves}${why === '' ? '' : `  ${why}`}${until}${go}`,
  );
}

/** That it stands before its point of no return, and how that is answered: for whoever comes after it was asked. */
function goText({ id, phase, goAsked, go }: Promotion): string {
  if (goAsked === undefined || go !== undefined || (phase !== 'advancing' && phase !== 'paused')) return '';
  const { cell, step } = goAsked;
  return `  GO OR NO-GO? ${cell} stands before ${step}: headgate go ${id} --reason "…", or headgate rollback ${id} --reason "…"`;
}

/**
 * Follows one promotion to its end; 0 only when it was promoted, and not taken back since. For people every step and every freeze over it is a line,
 * and many cells a sum; a program gets the promotion anew whenever it changed.
 */
export async function watchPromotion(session: Session, id: string): Promise<number> {
  const { client, out } = session;
  const feed = new EventFeed();
  let last = '';
  const look = async (): Promise<Promotion> => {
    const promotion = await client.call('showPromotion', { promotion: id });
    const line = promotionLine(promotion);
    if (line !== last && out.json) out.event(promotion, line);
    if (out.json) last = line;
    return promotion;
  };
  const stands = (promotion: Promotion): Promotion => {
    const line = promotionLine(promotion);
    if (line !== last) out.line(line);
    last = line;
    return promotion;
  };
  const ended = await followToEnd(session, feed, await client.call('showPromotion', { promotion: id }), async (say) =>
    say ? stands(await look()) : look(),
  );
  say(out, feed.rest());
  if (session.stop.aborted) return EXIT.interrupted;
  // Told apart, at the end: of many cells each line would drown in the others. A program asks for it by its own route.
  if (!out.json) say(out, migrationTimeLines(id, await migrationTimesOf(client, id)).map(printable));
  // Where it stands is the last line, whoever watched it.
  const { result, takenBack } = stands(ended);
  say(
    out,
    (takenBack?.left ?? []).map((left) => printable(`- ${left}`)),
  );
  return result === 'promoted' && takenBack === undefined ? EXIT.ok : EXIT.refused;
}

/** Follows one for so long at most, in milliseconds; `EXIT.waiting` when it isn't at its end by then. */
export async function watchAtMost(session: Session, id: string, waitMs: number): Promise<number> {
  const late = AbortSignal.timeout(waitMs);
  const code = await watchPromotion({ ...session, stop: AbortSignal.any([session.stop, late]) }, id);
  return code === EXIT.interrupted && !session.stop.aborted ? EXIT.waiting : code;
}

/** Tells what happens to a promotion until it has ended, or nobody watches any more. `look` says how it stands, if asked to. */
async function followToEnd(
  session: Session,
  feed: EventFeed,
  first: Promotion,
  look: (say: boolean) => Promise<Promotion>,
): Promise<Promotion> {
  const { client, out } = session;
  const { id, application, environment, release, phase } = first;
  if (phase === 'ended') return look(true);
  feed.name(id, release.version, environment);
  // Nothing is said before the stream is open: whoever read how it stands is told all that happens from then on.
  const freezes = ['all', environment, `application:${application}`].map((scope) => `freeze/${scope}`);
  let promotion = first;
  const sums = setInterval(() => say(out, feed.due()), SUM_EVERY_MS);
  try {
    await watchEvents(
      session,
      undefined,
      async (event) => {
        const { stream } = event;
        const frozen = freezes.includes(stream);
        const own = stream === `promotion/${id}`;
        if (frozen || own || stream.startsWith(`rollout/${id}.`)) say(out, feed.tell(event));
        // What a cell does changes the promotion by an entry of its own.
        if (frozen || own) promotion = await look(false);
        if (frozen) say(out, [feed.note(id, frozenText(promotion))]);
        return promotion.phase === 'ended';
      },
      async () => {
        promotion = await look(true);
        if (promotion.phase === 'ended') return true;
        if (!out.json) say(out, feed.stand(await everything((page) => rolloutsOf(client, id, page))));
        return false;
      },
      () => out.json || out.line(SHORTER),
    );
    return promotion;
  } finally {
    clearInterval(sums);
  }
}

/** Follows every entry of the log, from behind a place on; for people without what only keeps Headgate's books. */
export async function watchLog(session: Session, after: number | undefined): Promise<void> {
  const { out } = session;
  const feed = new EventFeed();
  const sums = setInterval(() => say(out, feed.due()), SUM_EVERY_MS);
  try {
    await watchEvents(
      session,
      after,
      async (event, place) => {
        if (out.json) out.event({ place, ...event }, '');
        else {
          await nameOf(session, feed, event);
          say(out, feed.tell(event));
        }
        return false;
      },
      undefined,
      () => out.json || out.line(SHORTER),
    );
  } finally {
    clearInterval(sums);
  }
  say(out, feed.rest());
}

/** What a promotion is called whose beginning was before our time. One that can't be asked keeps its id. */
async function nameOf({ client }: Session, feed: EventFeed, event: LogEvent): Promise<void> {
  const promotion = feed.unnamed(event);
  if (promotion === undefined) return;
  const shown = await client.call('showPromotion', { promotion }).catch(() => undefined);
  feed.name(promotion, ...(shown === undefined ? [] : [shown.release.version, shown.environment]));
}

const rolloutsOf = (client: Client, promotion: string, page: { cursor?: string }) =>
  client.call('listRollouts', { promotion, limit: 200, ...page });

function frozenText({ frozen }: Promotion): string {
  if (frozen === undefined) return 'no freeze holds over it any more';
  return `waits for the end of freeze ${frozen.name}: no step forward begins until then; undo goes on`;
}

function say(out: Output, lines: readonly string[]): void {
  for (const line of lines) out.line(line);
}

/** Said where a log is shorter than it was; what its people declare again is told as it happens. */
const SHORTER =
  'THE LOG IS SHORTER THAN IT WAS: the control plane was restored from a backup (headgate status); it is told from there on';

/**
 * The place that a restored log is followed behind, once it is shorter than what was seen: what was kept was seen already.
 * Undefined: nobody knows, and it is followed from now on.
 */
async function behindKept(client: Client): Promise<number | undefined> {
  const { recovery } = await client.call('showRecovery');
  return recovery === null ? undefined : recovery.kept.size - 1;
}

/**
 * Follows the log from behind a place on, until `done` says so or Ctrl-C. Goes on where it stood when the server comes
 * back within a minute. `connected` runs each time the stream has opened: what happened before it is looked at then, and
 * what happens meanwhile is told behind it. `shorter` runs when the log was restored and lacks what was seen, and it is followed on
 * from what was kept; without it that is thrown, as is a first place that the log never had.
 */
export async function watchEvents(
  { client, stop }: Pick<Session, 'client' | 'stop'>,
  after: number | undefined,
  done: (event: LogEvent, place: number) => Promise<boolean>,
  connected: () => Promise<boolean> = async () => false,
  shorter?: () => void,
): Promise<void> {
  let place = after;
  let seen = false;
  let awaySince: number | undefined;
  while (!stop.aborted) {
    // A stream that nobody reads any more doesn't stay open.
    const over = new AbortController();
    const signal = AbortSignal.any([stop, over.signal]);
    try {
      const events = await client.watch({ signal, ...(place === undefined ? {} : { after: place }) });
      if (await connected()) return;
      // It is here again, however long nothing happens now.
      awaySince = undefined;
      for await (const { id, data } of events) {
        place = Number(id);
        seen = true;
        const parsed = logEvent.safeParse(JSON.parse(data));
        if (parsed.success && (await done(parsed.data, place))) return;
      }
    } catch (error) {
      if (stop.aborted) return;
      // As many watch with this token as may: then it is looked at now and then.
      if (error instanceof ProblemError && error.status === 429) {
        if (await connected()) return;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        continue;
      }
      if (error instanceof ProblemError && error.code === 'beyond-head' && seen && shorter !== undefined) {
        shorter();
        seen = false;
        place = await behindKept(client);
        continue;
      }
      if (error instanceof ProblemError && error.status !== 503) throw error;
      awaySince ??= performance.now();
      if (performance.now() - awaySince > PATIENCE_MS)
        throw new ServerUnreachable(`the server has been away for ${PATIENCE_MS / 1000} s`, error);
    } finally {
      over.abort();
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
