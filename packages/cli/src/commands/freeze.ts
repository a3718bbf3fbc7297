import type { Client, Freeze, FreezeEffect } from '@headgate/contract';
import { ProblemError } from '@headgate/contract';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable, table } from '../output.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Of many freezes so many are named. */
const MOST_TOLD = 5;
const SCOPE = 'all, an environment, or an application';

interface NowOptions {
  readonly because: string;
  readonly scope: string;
  readonly for?: string;
  readonly name?: string;
}

/** Freezes: everything stopped before its next step, and out again, each with a reason. */
export const freeze: Install = (program, act) => {
  const group = program
    .command('freeze')
    .description('stop forward steps everywhere, of an application or in an environment; undo is never stopped');
  group
    .command('now')
    .description('stop everything before its next step, and show what that stopped; undo is never stopped')
    .requiredOption('--because <words>', 'goes on the log')
    .option('--scope <scope>', SCOPE, 'all')
    .option('--for <duration>', 'for how long: 90s, 30m, 8h, 2d (default: until somebody lifts it)')
    .option('--name <name>', 'instead of one that is made of the time')
    .action(
      act(async ({ client, out }, options: NowOptions) => {
        const ends = options.for === undefined ? { to: null } : { forMs: durationOf(options.for) };
        const scope = await resolveScope(client, options.scope);
        const name = options.name === undefined ? {} : { name: options.name };
        const body = { scope, reason: options.because, ...name, ...ends };
        const declared = await client.call('declareFreeze', { body });
        out.answer(declared, declaredText(declared));
        return EXIT.ok;
      }),
    );
  group
    .command('list')
    .description('freezes that are declared and not over; what a calendar freezes stands in its document')
    .action(
      act(async ({ client, out }) => {
        const list = await client.call('listFreezes');
        const rows = list.items.map((f) => [
          f.name,
          f.scope,
          instant(f.from),
          f.to === null ? 'it is lifted' : instant(f.to),
          f.by ?? '',
          f.reason,
        ]);
        out.answer(list, table(['FREEZE', 'SCOPE', 'FROM', 'UNTIL', 'BY', 'BECAUSE'], rows));
        return EXIT.ok;
      }),
    );
  group
    .command('declare <name>')
    .description('a freeze of that name, from now on or from a later time')
    .requiredOption('--scope <scope>', SCOPE)
    .requiredOption('--for <duration>', 'for how long: 90s, 30m, 8h, 2d')
    .requiredOption('--reason <words>', 'goes on the log')
    .action(
      act(async ({ client, out }, name: string, options: { scope: string; for: string; reason: string }) => {
        const forMs = durationOf(options.for);
        const scope = await resolveScope(client, options.scope);
        const body = { scope, name, forMs, reason: options.reason };
        const declared = await client.call('declareFreeze', { body });
        out.answer(declared, declaredText(declared));
        return EXIT.ok;
      }),
    );
  group
    .command('lift [name]')
    .description('end a freeze before its time; without a name the one that there is')
    .requiredOption('--because <words>', 'goes on the log')
    .option('--scope <scope>', SCOPE)
    .option('--all', 'every freeze that there is, or of the scope')
    .action(
      act(async ({ client, out }, name: string | undefined, options: LiftOptions) => {
        const lifted = await chosen(client, name, options);
        let left: readonly Freeze[] = [];
        for (const each of lifted)
          left = (
            await client.call('liftFreeze', { scope: each.scope, name: each.name, body: { reason: options.because } })
          ).items;
        out.answer(
          { lifted, left },
          [
            ...lifted.map((f) => `lifted: ${f.name} (${scopeText(f.scope)}); what waited for it looks again now`),
            left.length === 0
              ? 'nothing is frozen any more'
              : `still frozen: ${left.map((f) => `${f.name} (${scopeText(f.scope)}) ${endOf(f)}`).join(', ')}`,
          ]
            .map(printable)
            .join('\n'),
        );
        return EXIT.ok;
      }),
    );
};

interface LiftOptions {
  readonly because: string;
  readonly scope?: string;
  readonly all?: true;
}

async function chosen(client: Client, name: string | undefined, options: LiftOptions): Promise<readonly Freeze[]> {
  const scope = options.scope === undefined ? undefined : await resolveScope(client, options.scope);
  const { items } = await client.call('listFreezes');
  const found = items
    .filter((f) => name === undefined || f.name === name)
    .filter((f) => scope === undefined || f.scope === scope);
  const named = name === undefined ? '' : ` named ${name}`;
  const where = scope === undefined ? '' : ` of ${scope}`;
  // Who lifts what is gone already has what they want; the server says who may.
  if (found.length === 0 && name !== undefined && scope !== undefined)
    return [{ scope, name, from: 0, to: null, reason: '' }];
  if (found.length === 0)
    throw new Failure(EXIT.notFound, 'not-found', `there is no freeze${named}${where}`, 'headgate freeze list');
  if (found.length > 1 && options.all !== true)
    throw new Failure(
      EXIT.usage,
      'usage',
      `${found.length} freezes are declared${named}${where}: ${told(found)}`,
      [...found.slice(0, MOST_TOLD).map(liftCommand), 'or all of them: --all'].join('; '),
    );
  return found;
}

function told(found: readonly Freeze[]): string {
  const more = found.length - MOST_TOLD;
  const first = found.slice(0, MOST_TOLD).map((f) => `${f.name} (${f.scope})`);
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What ends one freeze and no other: of several that have one name, the scope says which. */
export function liftCommand({ name, scope }: Pick<Freeze, 'name' | 'scope'>): string {
  return `headgate freeze lift ${name} --scope ${scope} --because "…"`;
}

/** A scope as people say it: an application's bare name is looked up, and a name of both is refused. */
async function resolveScope(client: Client, said: string): Promise<string> {
  if (said === 'all' || said.startsWith('application:')) return said;
  const isThere = async (kind: string) => {
    try {
      await client.call('showDocument', { kind, name: said });
      return true;
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) return false;
      throw error;
    }
  };
  const [environment, application] = [await isThere('Environment'), await isThere('Application')];
  if (environment && application)
    throw new Failure(
      EXIT.usage,
      'usage',
      `${said} is an environment and an application`,
      `--scope application:${said} freezes all of its environments; rename one of them for the other`,
    );
  return application ? `application:${said}` : said;
}

function durationOf(said: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(said) ?? [];
  if (number === undefined) throw new Failure(EXIT.usage, 'usage', '--for: expected 90s, 30m, 8h or 2d');
  return Number(number) * (UNITS[unit as string] as number);
}

/** Until when, in words. */
export function endOf({ to }: Pick<Freeze, 'to'>): string {
  return to === null ? 'until it is lifted' : `until ${instant(to)}`;
}

/** A freeze's scope in words. */
export function scopeText(scope: string): string {
  if (scope === 'all') return 'everything';
  const [kind, name] = scope.split(':');
  return name === undefined ? `environment ${kind}` : `application ${name}`;
}

function declaredText(freeze: Freeze & { readonly effect: FreezeEffect }): string {
  const { name, scope, reason, effect } = freeze;
  const end =
    freeze.to === null ? 'until it is lifted: it does NOT end by itself' : `${endOf(freeze)}: then it ends by itself`;
  return [
    `FROZEN: ${scopeText(scope)}, ${end}`,
    `  ${name}: ${reason}`,
    effect.summary,
    ...effect.stops.flatMap((stop) => [
      `- ${stop.promotion}  ${stop.application} ${stop.release.version} to ${stop.environment}: ${stop.words}`,
      ...stop.running.map(
        ({ cell, step, text, agent }) => `    at work: ${step} of cell ${cell}, by ${agent} (${text})`,
      ),
    ]),
    ...(effect.truncated ? ['(there is more than is shown)'] : []),
    'Undo goes on as ever: headgate rollback PROMOTION --reason "…"',
    `Out again: ${liftCommand(freeze)}`,
  ]
    .map(printable)
    .join('\n');
}
