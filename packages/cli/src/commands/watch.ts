import type { LogEvent } from '@headgate/contract';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { printable } from '../output.ts';
import { everything } from '../paging.ts';
import { watchEvents, watchPromotion } from '../promotions/watch-promotion.ts';

/** Follow one promotion to its end, or the whole log. */
export const watch: Install = (program, act) => {
  program
    .command('watch [promotion]')
    .description('follow a promotion to its end (exit code 0 only when it was promoted), or every entry of the log')
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
          await watchEvents(session, after === undefined ? undefined : Number(after), async (event, place) => {
            session.out.event({ place, ...event }, eventLine(event, place));
            return false;
          });
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

function eventLine({ at, type, stream, by, data }: LogEvent, place: number): string {
  const text = JSON.stringify(data);
  const short = text.length > 160 ? `${text.slice(0, 160)}…` : text;
  return printable(
    `${String(place).padStart(6)}  ${new Date(at).toISOString()}  ${type}  ${stream}  by ${by}  ${short}`,
  );
}
