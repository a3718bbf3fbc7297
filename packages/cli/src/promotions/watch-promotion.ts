import { type LogEvent, logEvent, ProblemError, type Promotion, ServerUnreachable } from '@headgate/contract';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { instant, printable } from '../output.ts';

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
  const result = promotion.result === undefined ? phase : `${phase}: ${promotion.result}`;
  const until = promotion.until === undefined ? '' : `; until ${instant(promotion.until)}`;
  const frozen = promotion.frozen === undefined ? '' : `  FROZEN (${promotion.frozen.name})`;
  return printable(
    `${id}  ${release.version} to ${environment}${whom}${over}  ${result}${frozen}  wave ${wave}/${waves}${why === '' ? '' : `  ${why}`}${until}`,
  );
}

/** Follows one promotion to its end; 0 only when it was promoted. */
export async function watchPromotion(session: Session, id: string): Promise<number> {
  const { client, out } = session;
  let last = '';
  const look = async (): Promise<Promotion> => {
    const promotion = await client.call('showPromotion', { promotion: id });
    const line = promotionLine(promotion);
    if (line !== last) out.event(promotion, line);
    last = line;
    return promotion;
  };
  let promotion = await look();
  if (promotion.phase !== 'ended')
    await watchEvents(
      session,
      undefined,
      async ({ stream }) => {
        if (stream === `promotion/${id}`) promotion = await look();
        return promotion.phase === 'ended';
      },
      async () => {
        promotion = await look();
        return promotion.phase === 'ended';
      },
    );
  if (session.stop.aborted) return EXIT.interrupted;
  return promotion.result === 'promoted' ? EXIT.ok : EXIT.refused;
}

/**
 * Follows the log from behind a place on, until `done` says so or Ctrl-C. Goes on where it stood when the server comes
 * back within a minute. `connected` runs each time the stream opens: what happened before it is looked at then.
 */
export async function watchEvents(
  { client, stop }: Session,
  after: number | undefined,
  done: (event: LogEvent, place: number) => Promise<boolean>,
  connected: () => Promise<boolean> = async () => false,
): Promise<void> {
  let place = after;
  let awaySince: number | undefined;
  while (!stop.aborted) {
    try {
      const events = client.watch({ signal: stop, ...(place === undefined ? {} : { after: place }) });
      if (await connected()) return;
      for await (const { id, data } of events) {
        awaySince = undefined;
        place = Number(id);
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
      if (error instanceof ProblemError && error.status !== 503) throw error;
      awaySince ??= performance.now();
      if (performance.now() - awaySince > PATIENCE_MS)
        throw new ServerUnreachable(`the server has been away for ${PATIENCE_MS / 1000} s`, error);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
