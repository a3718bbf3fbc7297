import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ProblemError } from '@headgate/contract';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { patiently, secondsOf } from '../patience.ts';

/** Refusals that end by themselves once an agent has looked. */
const NOT_SEEN = new Set(['no-observation', 'stale-observation', 'no-manifest']);

/** Cells under control. */
export const cells: Install = (program, act) => {
  program
    .command('adopt <cell>')
    .description('take a running cell under control as it is')
    .option('--manifest <file...>', 'of releases that run there and that neither the server nor the agent holds')
    .option('--wait <seconds>', 'wait so long for its agent to have looked at it', '0')
    .action(
      act(async ({ client, out, cwd, stop }, cell: string, options: { manifest?: string[]; wait: string }) => {
        const waitMs = secondsOf(options.wait, '--wait') * 1_000;
        const manifests: Record<string, unknown>[] = [];
        for (const file of options.manifest ?? [])
          manifests.push(JSON.parse(await readFile(resolve(cwd, file), 'utf8')));
        const adopted = await patiently(
          waitMs,
          stop,
          () => client.call('adoptCell', { cell, body: { manifests } }),
          (error) => error instanceof ProblemError && error.problem.refusals.some(({ code }) => NOT_SEEN.has(code)),
        );
        const slots = Object.entries(adopted.desired?.slots ?? {})
          .map(([slot, { release }]) => `${slot}: ${release?.version ?? 'empty'}`)
          .join(', ');
        out.answer(adopted, `${cell} is under control as it is (${slots})`);
        return EXIT.ok;
      }),
    );
};
