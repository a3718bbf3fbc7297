import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { everything } from '../paging.ts';
import { watchLog, watchPromotion } from '../promotions/watch-promotion.ts';

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
    .action(
      act(
        async (
          session,
          named: string | undefined,
          { after, environment }: { after?: string; environment?: string },
        ) => {
          const promotion = named ?? (environment === undefined ? undefined : await openIn(session, environment));
          if (promotion !== undefined) return watchPromotion(session, promotion);
          if (after !== undefined && !/^(-1|\d{1,15})$/.test(after))
            throw new Failure(EXIT.usage, 'usage', '--after: expected a place');
          await watchLog(session, after === undefined ? undefined : Number(after));
          return EXIT.interrupted;
        },
      ),
    );
};

/** The promotion that is open in an environment; of several, which there can be while one overtakes another, the newest. */
async function openIn({ client }: Session, environment: string): Promise<string> {
  const items = await everything((page) => client.call('listPromotions', { limit: 200, environment, ...page }));
  const newest = [...items].sort(
    (a, b) => Number(a.phase === 'ended') - Number(b.phase === 'ended') || b.latestFinish - a.latestFinish,
  )[0];
  if (newest !== undefined) return newest.id;
  throw new Failure(EXIT.notFound, 'not-found', `there is no promotion to ${environment}`, 'headgate promotion list');
}
