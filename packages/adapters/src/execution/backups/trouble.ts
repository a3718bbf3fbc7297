import type { RunResult } from '../program-run/bounded-run.ts';

/** Why a backup couldn't be taken or brought back: words for people, and never a secret. */
export class BackupTrouble extends Error {}

/** The end of what a program said, on one line in which nothing moves a terminal. */
export function toldBy({ exitCode, ended, output }: RunResult): string {
  const code = exitCode === undefined ? ended : `exit code ${exitCode}`;
  const said = output
    .trim()
    .replace(/\s*\n\s*/g, '; ')
    .replace(/\p{Cc}/gu, '?');
  return said === '' ? code : `${said.slice(-400)} (${code})`;
}
