/** What commands have in common: what is wrong is said in one form, and configuration, trust and cells are found in one way. */
import type { AnyCellConfig } from '@headgate/adapters/execution/cell-kinds';
import { loadTrust, type Trust } from '@headgate/documents';
import { type AgentConfig, loadConfig } from '../config.ts';
import { warn } from '../output.ts';
import { isMisuse, usageTrouble } from '../usage.ts';

/** Exit code of every command where the configuration, or the trust file that it names, can't be read. */
export const WRONG_CONFIGURATION = 78;

/** What was found, or the exit code of a command that has said what is wrong. */
export type Found<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly code: number };

/** Says what is wrong, each part of it under our name, and answers the exit code. */
export function complain(words: string | readonly string[], code: number): number {
  for (const part of typeof words === 'string' ? [words] : words)
    warn(part === '' ? '\n' : `headgate-agent: ${part}\n`);
  return code;
}

/**
 * Says what was typed wrongly, in a line: a page of help behind it would push it out of sight. Answers the exit code of the
 * command's wrong usage.
 */
export function wrongUsage(command: string, why: unknown, code: number): number {
  if (isMisuse(why)) return complain(usageTrouble(why, command), code);
  const words = why instanceof Error ? why.message : String(why);
  return complain(`${command}: ${words} (see headgate-agent ${command} --help)`, code);
}

/** The configuration in a file. */
export function configIn(file: string): Found<{ readonly config: AgentConfig }> {
  const read = loadConfig(file);
  return read.ok
    ? { ok: true, config: read.config }
    : { ok: false, code: complain(read.problems, WRONG_CONFIGURATION) };
}

/** The same with the keys that a person pinned. */
export function trustedIn(file: string): Found<{ readonly config: AgentConfig; readonly trust: Trust }> {
  const read = configIn(file);
  if (!read.ok) return read;
  const trust = loadTrust(read.config.trustFile);
  if (trust.ok) return { ok: true, config: read.config, trust: trust.trust };
  const problems = trust.problems.map(({ message }) => message);
  return { ok: false, code: complain(problems, WRONG_CONFIGURATION) };
}

/** The cells of these names, without any all of them. `code`: of the command's wrong usage. */
export function cellsNamed(
  { cells }: Pick<AgentConfig, 'cells'>,
  names: readonly string[] | undefined,
  code: number,
): Found<{ readonly cells: readonly AnyCellConfig[] }> {
  const known = cells.map(({ cell }) => cell);
  const unknown = (names ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const words = `--cell: the agent has no cell ${unknown.join(', ')}; it has ${known.join(', ')}`;
    return { ok: false, code: complain(words, code) };
  }
  return { ok: true, cells: cells.filter(({ cell }) => names === undefined || names.includes(cell)) };
}
