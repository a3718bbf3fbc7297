import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline/promises';
import type { World } from './world.ts';

type Approve = (promotion: string) => Promise<void>;

/** Approves as the second principal, with its own token: what `--once` does in place of a person. */
export function scriptedApproval(world: World): Approve {
  return async (promotion) => {
    const approver = await world.client('approver');
    const shown = await approver.call('showPromotion', { promotion });
    if (!(await asksForApproval(world, promotion))) return;
    await approver.call('approvePromotion', { promotion, body: { envelope: shown.envelope } });
  };
}

/** Says how a person approves; in a terminal also asks right here. */
export function personalApproval(world: World, say: (line: string) => void): Approve {
  return async (promotion) => {
    if (!(await asksForApproval(world, promotion))) return;
    const approver = await world.client('approver');
    const shown = await approver.call('showPromotion', { promotion });
    say(`needs an approval by somebody who is neither author nor requester:`);
    say(
      `  npm run headgate -- approve ${promotion} --server ${world.address} --token-file ${world.dataDir}/secrets/approver.token`,
    );
    if (!stdin.isTTY) return;
    const terminal = createInterface({ input: stdin, output: stdout });
    try {
      const answer = await terminal.question(
        `  Approve ${shown.release.version} → ${shown.environment} as usr_approver, right here? [y/N] `,
      );
      if (/^y(es)?$/i.test(answer.trim()))
        await approver.call('approvePromotion', { promotion, body: { envelope: shown.envelope } });
    } finally {
      terminal.close();
    }
  };
}

async function asksForApproval(world: World, promotion: string): Promise<boolean> {
  const approver = await world.client('approver');
  const shown = await approver.call('showPromotion', { promotion });
  const bytes = await approver.call('getBlob', { digest: shown.plan });
  const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as { gates: { gate: string }[] };
  return plan.gates.some((g) => g.gate === 'approval');
}
