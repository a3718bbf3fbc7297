/** `headgate-agent rollback`: goes back without the server, after a person saw what that does and loses. */
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import type { Refusal } from '@headgate/domain';
import { type AgentParts, startAgent } from '../agent.ts';
import { sayRefusal } from '../assignments/refused.ts';
import { type Behind, RollBackAsk } from '../away/door.ts';
import { knock } from '../away/knock.ts';
import { notOurs } from '../away/not-ours.ts';
import type { AgentConfig } from '../config.ts';
import { openLog } from '../log.ts';
import { print } from '../output.ts';

export interface RollBackWish {
  readonly cell: string | undefined;
  readonly because: string;
  /** Who says so, by the id that the control plane knows them by; without it the machine's user, by number. */
  readonly by: string | undefined;
  readonly yes: boolean;
}

/** All undone; refused; not confirmed; it stands still and waits for a person or the server. */
export const ROLLBACK_EXIT = { undone: 0, refused: 1, notConfirmed: 2, standsStill: 5 } as const;

/** Which cells stand half way back, and what goes on with them: which of the two it is only the server knows. */
export function standsStillLines(cells: readonly { readonly cell: string; readonly why: string }[]): readonly string[] {
  if (cells.length === 0) return [];
  return [
    ...cells.map(({ cell, why }) => `cell ${cell} stands still: ${why}`),
    'once the server answers: if the promotion is open there, it goes on with the rest, and asks its approver (headgate status)',
    'if it had ended there, nobody is asked: headgate promote RELEASE --to ENVIRONMENT takes the same release there again, or a later one',
  ];
}

export async function rollBack(config: AgentConfig, parts: AgentParts, wish: RollBackWish): Promise<number> {
  const running = await knock(config.dataDir);
  if (running !== undefined) return ask(running, wish);
  const strange = await notOurs(config.dataDir);
  if (strange !== undefined) return refused(strange);
  say('no agent runs here: this command does its work, and stops it again');
  const agent = await startAgent(config, parts, openLog(config.name, 'error'), 'alone');
  try {
    return await ask(agent.behind, wish);
  } finally {
    await agent.stop();
  }
}

async function ask(
  behind: Behind,
  { cell, because, by = `uid-${userInfo().uid}`, yes }: RollBackWish,
): Promise<number> {
  const asked = cell === undefined ? {} : { cell };
  const shown = await behind.show(asked);
  if (!shown.ok) return refused(shown.refusal);
  say('without the server, this agent would now, in this order:');
  for (const line of shown.value.lines) say(line);
  const wish = RollBackAsk.safeParse({ ...asked, because, by, seen: shown.value.seen });
  if (!wish.success) {
    say(`--because takes 1 to 500 characters, --as an id of letters, digits and . _ : @ -`);
    return ROLLBACK_EXIT.refused;
  }
  if (!yes && !(await confirmed())) {
    say('nothing was done');
    return ROLLBACK_EXIT.notConfirmed;
  }
  const ended = await behind.rollBack(wish.data, say);
  if (!ended.ok) return refused(ended.refusal);
  for (const line of standsStillLines(ended.value.standsStill)) say(line);
  say('it is written down, and the server hears it before anything new is taken from it');
  return ended.value.standsStill.length === 0 ? ROLLBACK_EXIT.undone : ROLLBACK_EXIT.standsStill;
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    say('--yes is needed where nobody can be asked');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question('type "yes" to go back: ')).trim() === 'yes';
  } finally {
    terminal.close();
  }
}

function refused(refusal: Refusal): number {
  say(sayRefusal(refusal));
  return ROLLBACK_EXIT.refused;
}

function say(line: string): void {
  print(`${line}\n`);
}
