import { readFile } from 'node:fs/promises';
import type { Client } from '@headgate/contract';
import { decodeEntry, type LogEntry, LogVerifier, loadTrust, openTreeHead } from '@headgate/documents';

export interface ReadLog {
  readonly ok: boolean;
  /** Entries that the agent's head covers and that were verified; 0 when it doesn't verify. */
  readonly entries: number;
  readonly why?: string;
  readonly content: readonly LogEntry[];
}

const PAGE = 1_000;

/**
 * Reads the whole log from the server and verifies it against the signed tree head that the agent holds, with the key
 * that the agent's own trust file pins. A cut tail, a flipped byte or another order doesn't verify.
 */
export async function readLog(
  client: Client,
  files: { readonly head: string; readonly trust: string },
): Promise<ReadLog> {
  const trust = loadTrust(files.trust);
  if (!trust.ok) return { ok: false, entries: 0, why: trust.problems.map((p) => p.message).join('; '), content: [] };
  const opened = openTreeHead(await readFile(files.head, 'utf8'), trust.trust.log);
  if (!opened.ok) return { ok: false, entries: 0, why: opened.why, content: [] };
  const verifier = new LogVerifier();
  const content: LogEntry[] = [];
  const { size } = opened.head;
  while (content.length < size) {
    const limit = Math.min(PAGE, size - content.length);
    const { entries } = await client.call('logEntries', { from: content.length, limit });
    if (entries.length === 0) break;
    for (const { bytes } of entries) {
      const raw = Buffer.from(bytes, 'base64');
      verifier.add(raw);
      const decoded = decodeEntry(raw);
      if (!decoded.ok) return { ok: false, entries: 0, why: decoded.why, content };
      content.push(decoded.entry);
    }
  }
  const verdict = verifier.finish(opened.head);
  return verdict.ok
    ? { ok: true, entries: verdict.entries, content }
    : { ok: false, entries: 0, why: verdict.why, content };
}
