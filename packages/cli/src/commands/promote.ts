import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { printable } from '../output.ts';
import { promotionLine, watchPromotion } from '../promotions/watch-promotion.ts';
import { resolveRelease } from '../releases/resolve-release.ts';

/** Plan a promotion without asking for it, and ask for it. */
export const promote: Install = (program, act) => {
  program
    .command('plan <release>')
    .description('what a promotion would do; touches nothing')
    .requiredOption('--to <environment>', 'the environment to take it to')
    .action(
      act(async ({ client, out }, text: string, { to }: { to: string }) => {
        const { ref } = await resolveRelease(client, text);
        const planned = await client.call('planPromotion', { body: { release: ref.digest, environment: to } });
        out.answer(planned, `${planned.text}\nenvelope ${planned.envelope}`);
        return EXIT.ok;
      }),
    );
  program
    .command('promote <release>')
    .description('ask to take a release to an environment')
    .requiredOption('--to <environment>', 'the environment to take it to')
    .option('--key <key>', 'the same key asks for the same promotion: safe to send again')
    .option('--watch', 'follow it to its end; exit code 0 only when it was promoted')
    .action(
      act(async (session, text: string, options: { to: string; key?: string; watch?: boolean }) => {
        const { client, out } = session;
        const { ref } = await resolveRelease(client, text);
        const promotion = await client.call(
          'requestPromotion',
          { body: { release: ref.digest, environment: options.to } },
          options.key === undefined ? {} : { idempotencyKey: options.key },
        );
        if (options.watch === true) {
          out.line(promotionLine(promotion));
          return watchPromotion(session, promotion.id);
        }
        const approve = `envelope ${promotion.envelope}; approve with: headgate approve ${promotion.id}`;
        out.answer(promotion, `${promotionLine(promotion)}\n${printable(approve)}`);
        return EXIT.ok;
      }),
    );
};
