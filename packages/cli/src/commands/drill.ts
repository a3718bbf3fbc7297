import { resolve } from 'node:path';
import type { Drill } from '@headgate/contract';
import type { Install } from '../command.ts';
import { declaredOrNot } from '../documents/document-ref.ts';
import { bundleIn } from '../evidence/bundle-in.ts';
import { EXIT } from '../exit-codes.ts';
import { instant, table } from '../output.ts';
import { everything } from '../paging.ts';

/** Restore drills: what the last one of each store came to. They are made where the stores are: `headgate-agent drill`. */
export const drill: Install = (program, act) => {
  const group = program.command('drill').description('restore drills, as headgate-agent drill made them');
  group
    .command('list')
    .description('the last drill of each store')
    .option('--cell <cell>', 'of this cell alone')
    .action(
      act(async ({ client, out }, { cell }: { readonly cell?: string }) => {
        const only = cell === undefined ? {} : { cell };
        const items = await everything(
          (page) => client.call('listDrills', { limit: 200, ...only, ...page }),
          undefined,
        );
        if (items.length === 0) await declaredOrNot(client, 'Cell', cell);
        const rows = items.map((each) => [
          `${each.environment}/${each.cell}/${each.store}`,
          instant(each.at),
          each.ok ? 'well' : 'NOT WELL',
          seconds(each.rtoMs),
          seconds(each.rpoMs),
          [...each.because, ...each.missing].join('; '),
        ]);
        out.answer({ items }, table(['STORE', 'DRILLED', 'HOW', 'RTO', 'RPO', 'BECAUSE'], rows));
        return items.every(({ ok }) => ok) ? EXIT.ok : EXIT.refused;
      }),
    );
  group
    .command('record <statement>')
    .description('record the signed statement of a drill, be it good or bad')
    .action(
      act(async ({ client, out, cwd }, file: string) => {
        const recorded = await client.call('recordDrill', { body: { bundle: await bundleIn(resolve(cwd, file)) } });
        out.answer(recorded, recordedText(recorded));
        return EXIT.ok;
      }),
    );
};

function recordedText({ cell, store, at, ok }: Drill): string {
  return `the last drill of ${cell}/${store} is that of ${instant(at)}, and it went ${ok ? 'well' : 'NOT well'}`;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${Math.ceil(ms / 1_000)} s`;
}
