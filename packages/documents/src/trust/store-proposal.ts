/** A proposal to put a store back in place, as a file: canonical JSON, named by its digest. It has no row of anybody's. */
import { type Digest, type StoreProposal, storeProposalLines } from '@headgate/domain';
import { z } from 'zod';
import { canonicalJson } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { digest, list, name, principal, text, whole } from '../schema/fields.ts';
import { dotted, problemsOf } from '../schema/problems.ts';
import { oneLine } from './restoration.ts';

/** Of a whole file. */
export const MOST_PROPOSAL_BYTES = 8 * 1024 * 1024;
const FORM = 'store-proposal/1';
const MOST = 10_000;

const count = whole(0);
const word = text(200).refine((told) => oneLine(told, 200) === told);
const side = z.strictObject({
  system: z.string().regex(/^\d{1,20}$/),
  timeline: whole(1),
  lsn: z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/),
  schemaVersion: count,
  census: digest,
  tables: count,
  at: count,
});
const form = z.strictObject({
  form: z.literal(FORM),
  environment: name,
  cell: name,
  store: name,
  moment: text(300),
  point: text(64),
  keptAt: count.exactOptional(),
  firstLost: z.strictObject({ xid: z.string().regex(/^\d{1,20}$/), at: count }).exactOptional(),
  live: side,
  was: side,
  tables: list(
    z.strictObject({
      table: word,
      rowsNow: count.exactOptional(),
      rowsThen: count.exactOptional(),
      lost: count,
      back: count,
      lostColumns: list(word, 0, 1_600),
      backColumns: list(word, 0, 1_600),
    }),
    0,
    MOST,
  ),
  tenants: list(name, 0, MOST),
  serving: list(z.strictObject({ slot: name, version: text(100), min: count, max: count }), 0, 100),
  files: list(name, 0, 100),
  place: text(1_000),
  by: principal,
  because: text(500),
  madeAt: count,
});

export type ProposalRefusal = Refused<'proposal-malformed'>;

/** A proposal's text, and the digest that names it. */
export function storeProposalText(proposal: StoreProposal): { readonly text: string; readonly digest: Digest } {
  const written = canonicalJson(form.parse({ form: FORM, ...proposal }));
  return { text: written, digest: digestOf(written) };
}

/** Reads one; never throws on what comes from outside. */
export function openStoreProposal(
  written: string,
): { readonly ok: true; readonly proposal: StoreProposal; readonly digest: Digest } | ProposalRefusal {
  const no = (why: string, where = ''): ProposalRefusal =>
    refuse('proposal-malformed', 'proposal to put a store back', why, {
      where,
      unblock:
        'have it made anew: `headgate-agent recover-store propose --config FILE --store STORE --as ID --because WHY --to DIR`',
    });
  if (Buffer.byteLength(written) > MOST_PROPOSAL_BYTES) return no(`it has more than ${MOST_PROPOSAL_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    return no('it is not JSON');
  }
  const parsed = form.safeParse(value);
  if (!parsed.success) {
    const [problem] = problemsOf(parsed.error, value, form);
    const where = dotted(problem?.path ?? []);
    return no(`at ${where}: expected ${problem?.expected}, found ${problem?.found}`, where);
  }
  const { form: _, ...proposal } = parsed.data;
  const bare = written.replace(/\n$/, '');
  if (canonicalJson(parsed.data) !== bare) return no('it is not canonical JSON');
  return { ok: true, proposal: proposal as StoreProposal, digest: digestOf(bare) };
}

/** As people read it before they say yes. */
export function storeProposalWords(proposal: StoreProposal, digestOfIt: Digest): readonly string[] {
  return storeProposalLines(proposal, digestOfIt);
}
