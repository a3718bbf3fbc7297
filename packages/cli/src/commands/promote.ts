import type { Client, Promotion } from '@headgate/contract';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { printable } from '../output.ts';
import { approvalAwaited, approveCommand, closedGateLines } from '../promotions/approval-awaited.ts';
import { explained, objectionLines } from '../promotions/objections.ts';
import { notFoundOut, planText } from '../promotions/plan-text.ts';
import { promotionLine, watchPromotion } from '../promotions/watch-promotion.ts';
import { resolveRelease } from '../releases/resolve-release.ts';

const ONLY = 'these tenants alone, with commas between; everybody else stays where they are';

const OVERTAKE = 'a hotfix: the open promotion that ends for it; what is half way goes back, what is done stays';

/** The promotion that `--overtake` names, with its reason. */
function overtaken(
  promotion: string | undefined,
  because = '',
): { readonly overtakes?: { promotion: string; because: string } } {
  if (promotion === undefined) return {};
  if (because === '') throw new Failure(EXIT.usage, 'usage', '--overtake takes --because: it goes on the log');
  return { overtakes: { promotion, because } };
}

/** The tenants that `--only` names. */
function tenantsOf(only: string | undefined): { readonly tenants?: string[] } {
  if (only === undefined) return {};
  return { tenants: only.split(',').map((name) => name.trim()) };
}

/** That the same release is on its way there already: whoever asks twice should know that two are open. */
async function besideIt(client: Client, { id, environment, release }: Promotion): Promise<readonly string[]> {
  // Asked for after the promotion was made: what can't be asked takes nothing back.
  const { items } = await client
    .call('listPromotions', { environment, open: 'true', limit: 200 })
    .catch(() => ({ items: [] as Promotion[] }));
  const same = items.filter((each) => each.id !== id && each.release.digest === release.digest);
  return same.map((each) =>
    printable(
      `${each.id} takes the same release there, too, and is open (${each.phase}); where both are for the same tenants, end one of them: headgate reject ${each.id} --reason "…"`,
    ),
  );
}

interface PromoteOptions {
  readonly to: string;
  readonly only?: string;
  readonly overtake?: string;
  readonly because?: string;
  readonly key?: string;
  readonly watch?: boolean;
}

/** Plan a promotion without asking for it, and ask for it. */
export const promote: Install = (program, act) => {
  program
    .command('plan <release>')
    .description('what a promotion would do; touches nothing')
    .requiredOption('--to <environment>', 'the environment to take it to')
    .option('--only <tenants>', ONLY)
    .option('--overtake <promotion>', OVERTAKE)
    .option('--dry-run', 'what a plan always is; said for whoever wants to be sure')
    .action(
      act(async (session, text: string, { to, only, overtake }: { to: string; only?: string; overtake?: string }) => {
        const { client, out } = session;
        const { ref } = await resolveRelease(client, text);
        const body = {
          release: ref.digest,
          environment: to,
          ...tenantsOf(only),
          ...overtaken(overtake, 'asked what it would do'),
        };
        const planned = await client.call('planPromotion', { body });
        const notKnown = notFoundOut(planned);
        const objections = await objectionLines(session, planned.objections, planned.objectionsLeft);
        out.answer({ ...planned, notFoundOut: notKnown }, planText(planned, notKnown, objections));
        return EXIT.ok;
      }),
    );
  program
    .command('promote <release>')
    .description('ask to take a release to an environment')
    .requiredOption('--to <environment>', 'the environment to take it to')
    .option('--only <tenants>', ONLY)
    .option('--overtake <promotion>', OVERTAKE)
    .option('--because <reason>', 'why it can’t wait for the one that it overtakes')
    .option('--key <key>', 'the same key asks for the same promotion: safe to send again')
    .option('--watch', 'follow it to its end; exit code 0 only when it was promoted')
    .action(
      act(async (session, text: string, options: PromoteOptions) => {
        const { client, out } = session;
        const { ref } = await resolveRelease(client, text);
        const promotion = await client.call(
          'requestPromotion',
          {
            body: {
              release: ref.digest,
              environment: options.to,
              ...tenantsOf(options.only),
              ...overtaken(options.overtake, options.because),
            },
          },
          options.key === undefined ? {} : { idempotencyKey: options.key },
        );
        // The key was used before, and what it asked for then is over: nothing goes on.
        if (promotion.phase === 'ended' && promotion.result !== 'promoted')
          throw new Failure(
            EXIT.refused,
            'ended',
            `--key ${options.key}: it asked for ${promotionLine(promotion)}`,
            'ask under another --key, or without one',
          );
        const why = await explained(client, promotion.id);
        const objections = [
          ...(await besideIt(client, promotion)),
          ...closedGateLines(why),
          ...(await objectionLines(session, why?.objections, why?.objectionsLeft)),
        ];
        if (options.watch === true) {
          for (const line of [promotionLine(promotion), ...objections]) out.line(line);
          return watchPromotion(session, promotion.id);
        }
        const next =
          approvalAwaited(why) === undefined
            ? `how it goes on: headgate watch ${promotion.id}`
            : `somebody else, an approver, approves it: ${approveCommand(session, promotion.id)}`;
        out.answer(
          { ...promotion, objections: why?.objections ?? [] },
          [promotionLine(promotion), printable(`envelope ${promotion.envelope}; ${next}`), ...objections].join('\n'),
        );
        return EXIT.ok;
      }),
    );
};
