import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Explanation } from '@headgate/contract';
import type { Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { printableLines } from '../output.ts';
import { unblockedBy } from './unblocked-by.ts';

/** The verdict of the gate that waits for approvals, as the server gives it now; undefined when no approval is waited for. */
export function approvalAwaited(explained: Explanation | undefined): Explanation['gates'][number] | undefined {
  return explained?.gates.find(({ gate, verdict }) => gate === 'approval' && verdict === 'pending');
}

/** What holds a promotion up besides approvals, a line for each gate, with what unblocks it; no line where nothing does. */
export function closedGateLines(explained: Explanation | undefined): readonly string[] {
  const closed = (explained?.gates ?? []).filter(
    ({ gate, verdict }) =>
      verdict !== 'pass' && verdict !== 'waived' && !(gate === 'approval' && verdict === 'pending'),
  );
  if (closed.length === 0) return [];
  return [
    'It goes on only once these gates let it:',
    ...closed.map((each) => printableLines(`- ${each.gate}: ${each.because}; ${unblockedBy(each)}`)),
  ];
}

/**
 * How somebody else says yes, as it can be typed here: whoever asked for a promotion can't approve it, and beside a server's
 * own data folder the approver has a token, too.
 */
export function approveCommand(
  { env, cwd, server }: Pick<Session, 'env' | 'cwd' | 'server'>,
  promotion: string,
): string {
  const folder = dataFolder(env, cwd);
  const local =
    folder !== undefined && isServedFrom(folder, server) && existsSync(join(folder, 'secrets', 'approver.token'));
  return `headgate ${local ? '--as approver ' : ''}approve ${promotion}`;
}

function isServedFrom(folder: string, server: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, 'server.json'), 'utf8')) as { url?: unknown }).url === server;
  } catch {
    return false;
  }
}
