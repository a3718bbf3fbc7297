import { promotionPhase } from '@headgate/contract';
import type { Install } from '../command.ts';
import { declaredOrNot } from '../documents/document-ref.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, table } from '../output.ts';
import { everything, limitOf } from '../paging.ts';

const PHASES = promotionPhase.options;

interface ListOptions {
  readonly environment?: string;
  readonly application?: string;
  readonly phase?: string;
  readonly open?: true;
  readonly oldestFirst?: true;
  readonly limit?: string;
}

/** Promotions: list. What is done to one has a command of its own. */
export const promotion: Install = (program, act) => {
  const group = program.command('promotion').description('list promotions');
  group
    .command('list')
    .description('promotions, the newest first, the ended ones too; their ids are what the other commands take')
    .option('--environment <name>', 'to this environment alone')
    .option('--application <name>', 'of this application alone')
    .option('--phase <phase>', PHASES.join(', '))
    .option('--open', 'only those that have not ended')
    .option('--oldest-first', 'the other way round')
    .option('--limit <n>', 'so many at most; default: all')
    .action(
      act(async ({ client, out }, options: ListOptions) => {
        const { environment, application, open, oldestFirst } = options;
        const phase = PHASES.find((each) => each === options.phase);
        if (phase === undefined && options.phase !== undefined)
          throw new Failure(EXIT.usage, 'usage', `--phase ${options.phase}: expected one of ${PHASES.join(', ')}`);
        const limit = limitOf(options.limit);
        const filter = {
          ...(environment !== undefined && { environment }),
          ...(application !== undefined && { application }),
          ...(phase !== undefined && { phase }),
          ...(open && { open: 'true' as const }),
          ...(oldestFirst && { order: 'asc' as const }),
        };
        const items = await everything(
          (page) => client.call('listPromotions', { limit: Math.min(200, limit ?? 200), ...filter, ...page }),
          limit,
        );
        if (items.length === 0) await declaredOrNot(client, 'Application', application);
        const rows = items.map((p) => [
          p.id,
          `${p.application} ${p.release.version}`,
          p.environment,
          `${p.result ?? p.phase}${p.takenBack === undefined ? '' : ', taken back'}${p.policyReplaced === undefined ? '' : ', policy replaced'}`,
          `${p.wave}/${p.waves}`,
          p.requestedAt === undefined ? '' : instant(p.requestedAt),
          p.at === undefined ? '' : instant(p.at),
        ]);
        out.answer({ items }, table(['PROMOTION', 'RELEASE', 'ENVIRONMENT', 'STANDS', 'WAVE', 'ASKED', 'ENDED'], rows));
        return EXIT.ok;
      }),
    );
};
