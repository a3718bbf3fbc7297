/**
 * `… approve FILE`: a person reads on a machine of their own what they would agree to, and signs a yes that holds for some
 * hours. No server takes part; whoever carries it out gives the signed yes to the agent.
 */
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { SignedBundle, SigningKey } from '@headgate/documents';
import type { Command } from 'commander';
import type { Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable } from '../output.ts';
import { localKey } from './local-key.ts';
import { expectFree, writeSigned } from './new-file.ts';

const HOUR_MS = 3_600_000;
const MOST_HOURS = 24 * 7;

export interface YesOptions {
  readonly key: string;
  readonly approver: string;
  readonly out: string;
  readonly hours: string;
  readonly yes?: boolean;
}

/** What somebody is asked to agree to. */
export interface ToApprove {
  /** What it is called in the answer: `plan`, `difference`, `proposal`. */
  readonly thing: string;
  readonly digest: string;
  /** Who made it, where it says so: their own yes doesn't count. `how`: what making it is called. */
  readonly made?: { readonly by: string; readonly how: string };
  /** All of it, in words, a line each. */
  readonly lines: readonly string[];
  readonly question: string;
  /** What to do where nobody can be asked. */
  readonly unblock: string;
  sign(yes: { readonly by: string; readonly at: number; readonly notAfter: number }, key: SigningKey): SignedBundle;
  /** The command that takes the yes, on the agent's machine. */
  carriedOutBy(approval: string): string;
}

export function withYesOptions(command: Command): Command {
  return command
    .requiredOption('--key <file>', 'your own key, which the agent’s trust file lists for you')
    .requiredOption('--approver <id>', 'who you are: the id that the agent’s trust file gives with that key')
    .requiredOption('--out <file>', 'where the signed approval is written; a file that is there isn’t written over')
    .option('--hours <n>', 'how long it holds', '4')
    .option('--yes', 'sign what is shown without asking');
}

/** Shows it, asks, and writes the signed yes. Throws `Failure` where it can't be opened, signed or written, or isn't confirmed. */
export async function signYes(
  { out, cwd, stdin }: Session,
  options: YesOptions,
  open: () => Promise<ToApprove>,
): Promise<number> {
  const hours = Number(options.hours);
  if (!(hours > 0 && hours <= MOST_HOURS))
    throw new Failure(EXIT.usage, 'usage', `--hours: expected a number up to ${MOST_HOURS}`);
  const asked = await open();
  expectAnother(asked, options.approver);
  // Before anybody is asked: a key that can't sign, or a place that is taken, is no reason to read all of it.
  const key = localKey(resolve(cwd, options.key));
  const place = resolve(cwd, options.out);
  expectFree(place);
  for (const line of asked.lines) out.line(printable(line));
  if (options.yes !== true) await confirm(stdin, out.json, asked);
  const at = Date.now();
  const notAfter = at + Math.round(hours * HOUR_MS);
  await writeSigned(place, asked.sign({ by: options.approver, at, notAfter }, key));
  const text = `approved by ${options.approver} until ${instant(notAfter)}, in ${options.out}; on the agent’s machine: ${asked.carriedOutBy(options.out)}`;
  out.answer({ [asked.thing]: asked.digest, by: options.approver, at, notAfter, out: options.out }, printable(text));
  return EXIT.ok;
}

/** The agent refuses it as well; said here, while somebody else can still be found. */
function expectAnother({ made }: ToApprove, approver: string): void {
  if (made?.by !== approver) return;
  throw new Failure(
    EXIT.refused,
    'own-approval',
    `${approver} ${made.how} it: it takes another person’s yes`,
    `have somebody approve it who neither ${made.how} nor applies it, with a key of their own`,
  );
}

async function confirm(stdin: Session['stdin'], json: boolean, { question, unblock }: ToApprove): Promise<void> {
  const refuse = (why: string) => new Failure(EXIT.usage, 'not-confirmed', why, unblock);
  if (json || !(stdin as NodeJS.ReadStream).isTTY) throw refuse('nobody can be asked here');
  const asked = createInterface({ input: stdin, output: process.stderr });
  try {
    const answer = await asked.question(`${question} [y/N] `);
    if (answer.trim().toLowerCase() !== 'y') throw refuse('not approved');
  } finally {
    asked.close();
  }
}
