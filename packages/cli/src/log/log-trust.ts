import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadTrust, type NoteVerifier, parseVerifierKey, type TreeHeadTrust } from '@headgate/documents';
import type { Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';

export interface TrustOptions {
  readonly key?: readonly string[];
  readonly witnessKey?: readonly string[];
  readonly minWitnesses?: string;
  readonly trust?: string;
}

/**
 * Whom to believe about the log, from a trust file or from keys as they were handed over. Every witness whose key is given
 * must have co-signed, unless it is said how many must.
 */
export function logTrust(session: Pick<Session, 'env' | 'cwd'>, options: TrustOptions): TreeHeadTrust {
  const given = (options.witnessKey ?? []).map((text) => keyOf(session, text, '--witness-key', 'witness'));
  const pinned = options.trust === undefined ? undefined : trustFile(session, options.trust);
  const logKeys = pinned?.logKeys ?? keysGiven(session, options.key);
  const witnesses = [...(pinned?.witnesses ?? []), ...given];
  const minWitnesses = Math.max(pinned?.minWitnesses ?? 0, atLeast(options.minWitnesses) ?? given.length);
  return { origin: pinned?.origin ?? (logKeys[0] as NoteVerifier).name, logKeys, witnesses, minWitnesses };
}

function trustFile({ cwd }: Pick<Session, 'cwd'>, file: string): TreeHeadTrust {
  if (!existsSync(resolve(cwd, file))) throw notThere(`--trust: there is no file ${file}`);
  const read = loadTrust(resolve(cwd, file));
  if (!read.ok) throw new Failure(EXIT.usage, 'usage', read.problems.map((p) => p.message).join('\n'));
  return read.trust.log;
}

function keysGiven(session: Pick<Session, 'env' | 'cwd'>, given: readonly string[] | undefined): NoteVerifier[] {
  const folder = given === undefined ? dataFolder(session.env, session.cwd) : undefined;
  const texts = given ?? (folder === undefined ? [] : [join(folder, 'log.pub')]);
  if (texts.length === 0)
    throw new Failure(EXIT.usage, 'usage', 'no key of the log is known', 'give --key, or --trust FILE');
  return texts.map((text) => keyOf(session, text, '--key', 'tree-head'));
}

function keyOf({ cwd }: Pick<Session, 'cwd'>, text: string, flag: string, kind: NoteVerifier['kind']): NoteVerifier {
  const line = text.includes('+') ? text : textOf(resolve(cwd, text), flag).trim();
  const parsed = parseVerifierKey(line);
  if (!parsed.ok) throw new Failure(EXIT.usage, 'usage', `${flag}: ${parsed.why}`, parsed.unblock);
  if (parsed.key.kind !== kind)
    throw new Failure(EXIT.usage, 'usage', `${flag}: it is a key of kind ${parsed.key.kind}, expected ${kind}`);
  return parsed.key;
}

function atLeast(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,3}$/.test(text)) throw new Failure(EXIT.usage, 'usage', `--min-witnesses ${text}: expected a number`);
  return Number(text);
}

/** A small file that a flag names. */
export function textOf(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw notThere(`${flag}: there is no file ${file}`);
    throw new Failure(EXIT.usage, 'usage', `${flag}: ${file} can't be read (${code})`);
  }
}
