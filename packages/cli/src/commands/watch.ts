import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { everything } from '../paging.ts';
import { secondsOf } from '../patience.ts';
import { promotionLine, watchAtMost, watchLog, watchPromotion } from '../promotions/watch-promotion.ts';

/** Follow one promotion to its end, or the whole log. */
export const watch: Install = (program, act) => {
  program
    .command('watch [promotion]')
    .description(
      'follow a promotion to its end (exit code 0 only when it was promoted), or all that happens: steps, freezes and what people say, a line each, many cells as a sum; --json has every entry of the log',
    )
    .option(
      '--after <place>',
      'without a promotion: begin behind this place of the log (-1: at its first entry; default: from now on)',
    )
    .option('--environment <name>', 'the promotion that is open there')
    .option(
      '--wait <seconds>',
      `of a promotion: follow it for so long; exit code ${EXIT.waiting} when it isn't at its end by then`,
    )
    .action(
      act(
        async (
          session,
          named: string | undefined,
          { after, environment, wait }: { after?: string; environment?: string; wait?: string },
        ) => {
          const waitMs = wait === undefined ? undefined : secondsOf(wait, '--wait') * 1_000;
          const promotion = named ?? (environment === undefined ? undefined : await openIn(session, environment));
          if (promotion !== undefined) return watchFor(session, promotion, waitMs);
          if (waitMs !== undefined)
            throw new Failure(EXIT.usage, 'usage', '--wait goes with a promotion, or with --environment');
          if (after !== undefined && !/^(-1|\d{1,15})$/.test(after))
            throw new Failure(EXIT.usage, 'usage', '--after: expected a place');
          await watchLog(session, after === undefined ? undefined : Number(after));
          return EXIT.interrupted;
        },
      ),
    );
};

/** Follows a promotion for as long as is asked, and says at last how it stands then. */
async function watchFor(session: Session, promotion: string, waitMs: number | undefined): Promise<number> {
  if (waitMs === undefined) return watchPromotion(session, promotion);
  const code = await watchAtMost(session, promotion, waitMs);
  if (code === EXIT.waiting) {
    const line = promotionLine(await session.client.call('showPromotion', { promotion }));
    session.out.line(`not at its end after ${waitMs / 1_000} s: ${line}`);
  }
  return code;
}

/** The promotion that is open in an environment; of several, which there can be while one overtakes another, the newest. */
async function openIn({ client }: Session, environment: string): Promise<string> {
  const items = await everything((page) => client.call('listPromotions', { limit: 200, environment, ...page }));
  const newest = [...items].sort(
    (a, b) => Number(a.phase === 'ended') - Number(b.phase === 'ended') || b.latestFinish - a.latestFinish,
  )[0];
  if (newest !== undefined) return newest.id;
  throw new Failure(EXIT.notFound, 'not-found', `there is no promotion to ${environment}`, 'headgate promotion list');
}
