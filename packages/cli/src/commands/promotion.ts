import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { instant, table } from '../output.ts';
import { everything } from '../paging.ts';

/** Promotions: list. What is done to one has a command of its own. */
export const promotion: Install = (program, act) => {
  const group = program.command('promotion').description('list promotions');
  group
    .command('list')
    .description('all promotions, the ended ones too; their ids are what the other commands take')
    .option('--environment <name>', 'of this environment alone')
    .option('--open', 'only those that have not ended')
    .action(
      act(async ({ client, out }, options: { environment?: string; open?: true }) => {
        const filter = {
          ...(options.environment === undefined ? {} : { environment: options.environment }),
          ...(options.open === undefined ? {} : { open: 'true' as const }),
        };
        const items = await everything((page) => client.call('listPromotions', { limit: 200, ...filter, ...page }));
        const rows = [...items]
          .sort((a, b) => a.latestFinish - b.latestFinish)
          .map((p) => [
            p.id,
            `${p.application} ${p.release.version}`,
            p.environment,
            p.result ?? p.phase,
            `${p.wave}/${p.waves}`,
            p.at === undefined ? '' : instant(p.at),
          ]);
        out.answer({ items }, table(['PROMOTION', 'RELEASE', 'ENVIRONMENT', 'STANDS', 'WAVE', 'ENDED'], rows));
        return EXIT.ok;
      }),
    );
};
