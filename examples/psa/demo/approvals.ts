import { stdin } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProblemError } from '@headgate/contract';
import type { Narrator } from './narrator.ts';
import { askInTerminal } from './terminal.ts';
import type { RunningSystem, World } from './world.ts';

type Approve = (promotion: string) => Promise<void>;

/** Approves as the second principal, with its own token: what `--once` does in place of a person. */
export function scriptedApproval<S extends RunningSystem>(world: World<S>): Approve {
  return async (promotion) => {
    const approver = await world.client('approver');
    const shown = await approver.call('showPromotion', { promotion });
    if (!(await asksForApproval(world, promotion))) return;
    await approver.call('approvePromotion', { promotion, body: { envelope: shown.envelope } });
  };
}

/**
 * Says how a person approves; in a terminal also asks right here. Whichever comes first counts: an approval from another
 * window takes the question back.
 */
export function personalApproval<S extends RunningSystem>(world: World<S>, narrator: Narrator): Approve {
  return async (promotion) => {
    if (!(await asksForApproval(world, promotion))) return;
    const approver = await world.client('approver');
    const shown = await approver.call('showPromotion', { promotion });
    narrator.say('needs an approval by somebody who is neither author nor requester:');
    narrator.say(
      `  npm run headgate -- approve ${promotion} --server ${world.address} --token-file ${world.dataDir}/secrets/approver.token`,
    );
    if (!stdin.isTTY) return;
    const answered = new AbortController();
    const elsewhere = (async () => {
      while (!answered.signal.aborted) {
        // A server that is away for a moment, or for good because everything is being stopped, has nothing to say here.
        const now = await approver.call('showPromotion', { promotion }).catch(() => undefined);
        if (now !== undefined && (now.approvals.length > 0 || now.phase !== 'awaiting')) return answered.abort();
        await sleep(500);
      }
    })();
    const question = `  Approve ${shown.release.version} → ${shown.environment} as usr_approver, right here? [y/N] `;
    const yes = /^y(es)?$/i.test((await narrator.quietly(() => askInTerminal(question, answered.signal))) ?? '');
    answered.abort();
    await elsewhere;
    if (!yes) return;
    try {
      await approver.call('approvePromotion', { promotion, body: { envelope: shown.envelope } });
    } catch (error) {
      // Somebody rejected it, or rolled it back, while the question stood here.
      if (!(error instanceof ProblemError)) throw error;
      narrator.say(`not approved: ${error.message}`, 'bad');
    }
  };
}

/** Whether a promotion waits for an approval that nobody has given yet. */
async function asksForApproval<S extends RunningSystem>(world: World<S>, promotion: string): Promise<boolean> {
  const approver = await world.client('approver');
  const shown = await approver.call('showPromotion', { promotion });
  if (shown.phase !== 'awaiting' || shown.approvals.length > 0) return false;
  const bytes = await approver.call('getBlob', { digest: shown.plan });
  const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as { gates: { gate: string }[] };
  return plan.gates.some((g) => g.gate === 'approval');
}
