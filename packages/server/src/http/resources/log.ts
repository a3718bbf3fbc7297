import { auditRows, KINDS, notFound, type Result, refuse } from '@headgate/control';
import { consistencyProof, inclusionProof, leafOf } from '@headgate/documents';
import { decodeEntry } from '@headgate/documents/log/entry';
import { entryWords, mayDo } from '@headgate/domain';
import { AUDIT_MEANS } from '../../documents/audit-means.ts';
import type { Context } from '../context.ts';
import { streamEvents } from '../event-stream.ts';
import type { Handlers } from '../handler.ts';

/** The sequencer rests for 25 ms; after this nobody sequences, or an entry can't be placed. */
const PLACED_WITHIN_MS = 60_000;
/** Bytes of entries in one answer, but for the last of them. */
const PAGE_BYTES = 1024 * 1024;

/** Who has which rights, and who tried what: shown to whoever may read the log, as the lists of them are. */
const ofTheLogAlone = (stream: string) => /^(principal|attempt)[/]/.test(stream);

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** Bytes that are no entry have no words. */
function wordsOf(bytes: Uint8Array): { readonly words?: string } {
  const decoded = decodeEntry(bytes);
  return decoded.ok ? { words: entryWords(decoded.entry.type, decoded.entry.data) } : {};
}

export function logHandlers(
  context: Context,
): Handlers<'logHead' | 'logEntries' | 'logConsistency' | 'logInclusion' | 'auditLog' | 'watchEvents'> {
  const { log } = context;

  /** The size that proofs may be asked for: what was signed. */
  async function signedSize(): Promise<number> {
    return (await log.head())?.size ?? 0;
  }
  const beyond = (where: string, size: number): Result<never> =>
    refuse('beyond-head', 'prove', where, `the signed tree head names ${size} entries`, 'ask within it, or later');

  return {
    async logHead() {
      const head = await log.head();
      return head === undefined ? notFound('fetch the tree head', 'log/head') : { ok: true, value: head.note };
    },
    async logEntries({ input }) {
      // Whoever goes on behind the last one gets the rest.
      const entries = await log.entries(input.from, input.limit, PAGE_BYTES);
      const worded = input.words === 'true';
      return {
        ok: true,
        value: {
          entries: entries.map(({ place, bytes }) => ({
            place,
            bytes: base64(bytes),
            ...(worded && wordsOf(bytes)),
          })),
        },
      };
    },
    async logConsistency({ input: { from, to } }) {
      const size = await signedSize();
      if (to > size || from > to) return beyond('query/to', size);
      const proof = await consistencyProof(log, from, to);
      return { ok: true, value: { from, to, proof: proof.map(base64) } };
    },
    async logInclusion({ input: { place, size: of } }) {
      const size = await signedSize();
      if (of > size || place >= of) return beyond('query/size', size);
      const [entry] = await log.entries(place, 1);
      if (entry === undefined) return notFound('prove an entry', `log/${place}`);
      const proof = await inclusionProof(log, place, of);
      return { ok: true, value: { place, size: of, leaf: base64(leafOf(entry.bytes)), proof: proof.map(base64) } };
    },
    async auditLog({ input: { cursor, limit } }) {
      const after = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('utf8');
      if (after !== undefined && (!KINDS.some((kind) => after.startsWith(`${kind}/`)) || /\p{Cc}/u.test(after)))
        return refuse(
          'malformed',
          'audit',
          'query/cursor',
          'it is no cursor of the audit',
          'take `next` of the page before',
        );
      const { checked, differences, unchecked, next } = await auditRows({ ...context.deps, ...AUDIT_MEANS }, log, {
        limit,
        placedWithinMs: PLACED_WITHIN_MS,
        ...(after !== undefined && { after }),
      });
      const shown = next === undefined ? null : Buffer.from(next).toString('base64url');
      const untold = unchecked.map(({ stream, why }) => ({ stream, why }));
      return { ok: true, value: { checked, differences: [...differences], unchecked: untold, next: shown } };
    },
    async watchEvents({ principal, input, request, reply, signal }) {
      const last = request.headers['last-event-id'];
      if (last !== undefined && !(typeof last === 'string' && /^\d{1,15}$/.test(last)))
        return refuse(
          'malformed',
          'watch',
          'header/last-event-id',
          'it is no place of the log',
          'send the id of an event',
        );
      const after = last === undefined ? input.after : Number(last);
      // After a restore from a backup the log is shorter than what a watcher has seen. Silence, until it is as long again, would
      // hide all that happens meanwhile.
      if (after !== undefined && after >= 0 && (await log.entries(after, 1, 1)).length === 0)
        return refuse(
          'beyond-head',
          'watch',
          last === undefined ? 'query/after' : 'header/last-event-id',
          `the log has no entry at place ${after}: it never had, or it was restored from a backup and is shorter now`,
          'look at how things stand, and watch from now on, or from a place that there is',
        );
      const from = after === undefined ? ((await log.head())?.size ?? 0) : after + 1;
      const all = mayDo(principal, 'read-log').allowed;
      return streamEvents(context, reply, from, signal, request, (stream) => all || !ofTheLogAlone(stream));
    },
  };
}
