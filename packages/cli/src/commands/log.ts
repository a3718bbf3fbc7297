import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CHECKPOINT, type ExportVerdict, verifyExport } from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { auditLog } from '../log/audit-log.ts';
import { ExportFolder } from '../log/export-folder.ts';
import { exportLog } from '../log/export-log.ts';
import { logTrust, type TrustOptions, textOf } from '../log/log-trust.ts';
import { verifyLog } from '../log/verify-log.ts';

interface VerifyOptions extends TrustOptions {
  readonly head?: readonly string[];
  readonly earlier?: string;
}

interface ExportOptions extends TrustOptions {
  readonly witness?: readonly string[];
}

const KEY = 'the log’s verifier key: the line, or a file that holds it (default: log.pub of the data folder)';
const TRUST = 'a trust file that names the log’s keys and the witnesses’';

/** The log: exported as files that others can read, and verified whole from its bytes, with the server or without it. */
export const log: Install = (program, act) => {
  const command = program.command('log').description('the log of everything that was decided and done');
  command
    .command('verify [export]')
    .description(
      'recompute every hash of the log, of the server or of an export (offline), and compare with signed tree heads',
    )
    .option(
      '--head <file...>',
      'signed tree heads that agents (tree-head.cosigned.note in the data folder) or auditors hold: show a cut tail and a rewritten history',
    )
    .option('--key <key...>', KEY)
    .option('--trust <file>', TRUST)
    .option('--witness-key <key...>', 'a witness’s verifier key (an agent’s witness.pub); with an export')
    .option('--min-witnesses <n>', 'how many must have co-signed (default: all whose keys are given); with an export')
    .option('--earlier <folder>', 'an export from before, which shows exactly what was rewritten; with an export')
    .action(
      act(async (session, folder: string | undefined, options: VerifyOptions) =>
        folder === undefined ? verifyServer(session, options) : verifyFolder(session, folder, options),
      ),
    );
  command
    .command('audit')
    .description('fold the entries of every stream and compare them with the rows that the server runs on')
    .action(act(async (session) => auditServer(session)));
  command
    .command('export <folder>')
    .description('write the log as C2SP tlog-tiles, with its signed head; goes on where an earlier export ended')
    .option('--key <key...>', KEY)
    .option('--trust <file>', TRUST)
    .option('--witness <file...>', 'co-signed tree heads as agents keep them (tree-head.cosigned.note)')
    .action(
      act(async (session, folder: string, options: ExportOptions) => {
        const { client, out, cwd } = session;
        const witnessed = (options.witness ?? []).map((file) => textOf(resolve(cwd, file), '--witness'));
        const { logKeys } = logTrust(session, options);
        const exported = await exportLog(client, new ExportFolder(resolve(cwd, folder)), logKeys, witnessed);
        const { entries, resumedFrom, witnesses } = exported;
        const resumed = resumedFrom > 0 ? `, ${resumedFrom} of them were there` : '';
        const by = witnesses.length > 0 ? `, co-signed by ${witnessesText(witnesses)}` : '';
        out.answer(exported, `exported ${entries} entries to ${folder}${resumed}${by}`);
        return EXIT.ok;
      }),
    );
};

async function verifyServer(session: Session, options: VerifyOptions): Promise<number> {
  const { out, cwd } = session;
  for (const flag of ['earlier', 'witnessKey', 'minWitnesses'] as const)
    if (options[flag] !== undefined)
      throw new Failure(
        EXIT.usage,
        'usage',
        'witnesses and earlier exports are compared with an export',
        'name its folder',
      );
  const [held, ...more] = options.head ?? [];
  if (more.length > 0)
    throw new Failure(EXIT.usage, 'usage', 'several heads are compared with an export', 'name its folder');
  const note = held === undefined ? undefined : textOf(resolve(cwd, held), '--head');
  const verified = await verifyLog(session.client, note, logTrust(session, options).logKeys);
  const against = verified.heldSize === undefined ? '' : `, continuing the held head of ${verified.heldSize}`;
  const text = verified.ok
    ? `the log verifies: ${verified.entries} entries${against}`
    : `the log does NOT verify (${verified.code}): ${verified.why}${first(verified)}`;
  out.answer(verified, text);
  return verified.ok ? EXIT.ok : EXIT.unverified;
}

async function auditServer({ client, out, stop }: Session): Promise<number> {
  const audited = await auditLog(client, stop);
  const { checked, differences, unchecked } = audited;
  const lines = differences.map(({ stream, why }) => `${stream}: ${why}`);
  const text =
    lines.length === 0
      ? `rows and log agree: ${checked} streams`
      : `rows and log do NOT agree in ${lines.length} of ${checked} streams' fields:\n${lines.join('\n')}`;
  const untold = unchecked.map(({ stream, why }) => `\nnot checked: ${stream}: ${why}`);
  out.answer({ ok: lines.length === 0, checked, differences, unchecked }, `${text}${untold.join('')}`);
  return lines.length === 0 ? EXIT.ok : EXIT.unverified;
}

async function verifyFolder(session: Session, folder: string, options: VerifyOptions): Promise<number> {
  const { out, cwd, stop } = session;
  const held = (options.head ?? []).map((file) => ({ note: textOf(resolve(cwd, file), '--head'), from: file }));
  const earlier = options.earlier === undefined ? undefined : exportIn(resolve(cwd, options.earlier));
  const trust = logTrust(session, options);
  const demands = { trust, held, ...(earlier !== undefined && { earlier }) };
  const verifying = verifyExport(exportIn(resolve(cwd, folder)), demands);
  let step = verifying.next();
  while (step.done !== true) {
    // Lets a signal in.
    await new Promise((done) => setImmediate(done));
    stop.throwIfAborted();
    step = verifying.next();
  }
  const verdict = step.value;
  out.answer(verdict, said(verdict));
  return verdict.ok ? EXIT.ok : EXIT.unverified;
}

function exportIn(folder: string): ExportFolder {
  if (existsSync(folder)) return new ExportFolder(folder);
  throw notThere(`${folder} is no folder with an export: it has no ${CHECKPOINT}`);
}

/** Beside it lies the log's own head, which nobody co-signed: it is the one that is taken by mistake. */
const COSIGNED =
  '; an agent’s cosignature stands in tree-head.cosigned.note of its data folder (tree-head.note has none): --head FILE, of each of them';

function said(verdict: ExportVerdict): string {
  if (!verdict.ok)
    return `the export does NOT verify (${verdict.code}): ${verdict.why}${first(verdict)}${verdict.code === 'head-witnesses' ? COSIGNED : ''}`;
  const { entries, heads, witnessed } = verdict;
  const held = heads > 0 ? `, continuing ${heads} other ${heads === 1 ? 'head' : 'heads'}` : '';
  const by = witnessed === undefined ? '' : `, co-signed up to ${witnessed.size} by ${witnessesText(witnessed.by)}`;
  return `the export verifies: ${entries} entries${held}${by}`;
}

function witnessesText({ length }: readonly unknown[]): string {
  return length === 1 ? '1 witness' : `${length} witnesses`;
}

function first({ firstBad, lastBad }: { readonly firstBad?: number; readonly lastBad?: number }): string {
  if (firstBad === undefined) return '';
  if (lastBad === undefined) return `; the first entry that doesn't fit is at place ${firstBad}`;
  return `; the first entry that doesn't fit is one of the places ${firstBad} to ${lastBad}`;
}
