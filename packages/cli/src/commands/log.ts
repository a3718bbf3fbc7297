import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadTrust, type NoteVerifier, parseVerifierKey } from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { verifyLog } from '../log/verify-log.ts';

interface Options {
  readonly head?: string;
  readonly key?: readonly string[];
  readonly trust?: string;
}

/** The log: verified whole, from its bytes. */
export const log: Install = (program, act) => {
  program
    .command('log')
    .description('the log of everything that was decided and done')
    .command('verify')
    .description('fetch every entry, recompute leaves and root, and compare them with a signed tree head')
    .option('--head <file>', 'the signed tree head that an agent or an auditor holds: shows a cut tail, too')
    .option(
      '--key <key...>',
      'the log’s verifier key: the line, or a file that holds it (default: log.pub of the data folder)',
    )
    .option('--trust <file>', 'a trust file that names the log’s keys')
    .action(
      act(async (session, options: Options) => {
        const { client, out, cwd } = session;
        const note = options.head === undefined ? undefined : textOf(resolve(cwd, options.head), '--head');
        const verified = await verifyLog(client, note, keysOf(session, options));
        const against = verified.heldSize === undefined ? '' : `, continuing the held head of ${verified.heldSize}`;
        const first =
          verified.firstBad === undefined ? '' : `; the first entry that doesn't fit is at place ${verified.firstBad}`;
        const text = verified.ok
          ? `the log verifies: ${verified.entries} entries${against}`
          : `the log does NOT verify (${verified.code}): ${verified.why}${first}`;
        out.answer(verified, text);
        return verified.ok ? EXIT.ok : EXIT.unverified;
      }),
    );
};

function keysOf({ env, cwd }: Session, { key, trust }: Options): readonly NoteVerifier[] {
  if (trust !== undefined) {
    const read = loadTrust(resolve(cwd, trust));
    if (!read.ok) throw new Failure(EXIT.usage, 'usage', read.problems.map((p) => p.message).join('\n'));
    return read.trust.log.logKeys;
  }
  const folder = dataFolder(env, cwd);
  const given = key ?? (folder === undefined ? [] : [join(folder, 'log.pub')]);
  if (given.length === 0)
    throw new Failure(EXIT.usage, 'usage', 'no key of the log is known', 'give --key, or --trust FILE');
  return given.map((text) => {
    const line = text.includes('+') ? text : textOf(resolve(cwd, text), '--key').trim();
    const parsed = parseVerifierKey(line);
    if (!parsed.ok) throw new Failure(EXIT.usage, 'usage', `--key: ${parsed.why}`, parsed.unblock);
    return parsed.key;
  });
}

function textOf(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(EXIT.usage, 'usage', `${flag}: ${file} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
