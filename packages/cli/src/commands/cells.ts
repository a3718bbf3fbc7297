import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ProblemError } from '@headgate/contract';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant } from '../output.ts';
import { patiently, secondsOf } from '../patience.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Refusals that end by themselves once an agent has looked. */
const NOT_SEEN = new Set(['no-observation', 'stale-observation', 'no-manifest']);

/** Cells under control, and freezes over them. */
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
  const freeze = program.command('freeze').description('stop forward steps in an environment, or everywhere');
  freeze
    .command('declare <name>')
    .description('stop forward steps from now on; undo is never stopped')
    .requiredOption('--scope <environment>', 'an environment, or all')
    .requiredOption('--for <duration>', 'for how long: 90s, 30m, 8h, 2d')
    .requiredOption('--reason <words>', 'goes on the log')
    .action(
      act(async ({ client, out }, name: string, options: { scope: string; for: string; reason: string }) => {
        const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(options.for) ?? [];
        if (number === undefined) throw new Failure(EXIT.usage, 'usage', '--for: expected 90s, 30m, 8h or 2d');
        const { at } = await client.call('status');
        const to = at + Number(number) * (UNITS[unit as string] as number);
        const body = { scope: options.scope, name, to, reason: options.reason };
        const declared = await client.call('declareFreeze', { body });
        out.answer(declared, `frozen: ${declared.scope} until ${instant(declared.to)}`);
        return EXIT.ok;
      }),
    );
  freeze
    .command('lift <name>')
    .description('end a freeze before its time')
    .requiredOption('--scope <environment>', 'an environment, or all')
    .action(
      act(async ({ client, out }, name: string, { scope }: { scope: string }) => {
        const left = await client.call('liftFreeze', { scope, name });
        out.answer(left, `lifted; ${left.items.length} left for ${scope}`);
        return EXIT.ok;
      }),
    );
};
