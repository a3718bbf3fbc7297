import { resolve } from 'node:path';
import type { Restoration } from '@headgate/contract';
import type { Install } from '../command.ts';
import { declaredOrNot } from '../documents/document-ref.ts';
import { bundleIn } from '../evidence/bundle-in.ts';
import { EXIT } from '../exit-codes.ts';
import { instant, printable, table } from '../output.ts';
import { everything } from '../paging.ts';

/** What was brought back out of restore points, as `headgate-agent recover`, `recover-tenant` and `dr` tell it. */
export const restoration: Install = (program, act) => {
  const group = program
    .command('restoration')
    .description('what was brought back out of restore points: stores, one tenant’s rows, whole cells');
  group
    .command('list')
    .description('the last one of each cell; with --cell the last twenty of it')
    .option('--cell <cell>', 'of this cell alone')
    .action(
      act(async ({ client, out }, { cell }: { readonly cell?: string }) => {
        const only = cell === undefined ? {} : { cell };
        const items = await everything(
          (page) => client.call('listRestorations', { limit: 200, ...only, ...page }),
          undefined,
        );
        if (items.length === 0) await declaredOrNot(client, 'Cell', cell);
        out.answer({ items }, listText(items));
        return EXIT.ok;
      }),
    );
  group
    .command('record <statement>')
    .description('record the signed statement of a restoration, where its agent can’t')
    .action(
      act(async ({ client, out, cwd }, file: string) => {
        const bundle = await bundleIn(resolve(cwd, file));
        const recorded = await client.call('recordRestoration', { body: { bundle } });
        out.answer(recorded, printable(`${recorded.cell}: ${recorded.words}`));
        return EXIT.ok;
      }),
    );
};

function listText(items: readonly Restoration[]): string {
  const rows = items.map((each) => [
    instant(each.at),
    `${each.environment}/${each.cell}`,
    each.by ?? '-',
    printable(each.words),
  ]);
  return table(['WHEN', 'CELL', 'BY', 'WHAT'], rows);
}
