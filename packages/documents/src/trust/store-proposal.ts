/** A proposal to put a store back in place, as a file: canonical JSON, named by its digest. It has no row of anybody's. */
import {
  comparedTooLittle,
  type Digest,
  STORE_PARTS,
  type StorePart,
  type StoreProposal,
  storeProposalLines,
} from '@headgate/domain';
import { z } from 'zod';
import { canonicalJson } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { type Refused, refuse } from '../refusal.ts';
import { digest, list, name, principal, text, whole } from '../schema/fields.ts';
import { dotted, problemsOf } from '../schema/problems.ts';
import { oneLine } from './restoration.ts';

/** Of a whole file. */
export const MOST_PROPOSAL_BYTES = 8 * 1024 * 1024;
const FORM = 'store-proposal/2';
/** Rows alone were compared: read, so that what was begun by it comes to its end. */
const FORM_BEFORE = 'store-proposal/1';
const MOST = 10_000;
/** Of what differs beside rows, in a file. */
export const MOST_OTHERS = 2_000;

const count = whole(0);
const word = text(200).refine((told) => oneLine(told, 200) === told);
const wordOrNone = z.union([z.literal(''), word]);
const side = z.strictObject({
  system: z.string().regex(/^\d{1,20}$/),
  timeline: whole(1),
  lsn: z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/),
  schemaVersion: count,
  census: digest,
  tables: count,
  at: count,
});
const compared = side.extend({
  beside: z.strictObject(
    Object.fromEntries(STORE_PARTS.map((part) => [part, digest])) as Record<StorePart, typeof digest>,
  ),
});
const other = z.strictObject({
  part: z.enum(STORE_PARTS as readonly [StorePart, ...StorePart[]]),
  what: word,
  saysNow: wordOrNone.exactOptional(),
  saysThen: wordOrNone.exactOptional(),
});
const before = z.strictObject({
  form: z.literal(FORM_BEFORE),
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
const form = before.extend({
  form: z.literal(FORM),
  live: compared,
  was: compared,
  others: list(other, 0, MOST_OTHERS),
  othersInAll: count,
  databases: list(word, 0, MOST),
  odoo: z
    .strictObject({
      database: z.string().regex(/^\d{1,10}$/),
      objects: digest,
      files: count,
      bytes: count,
      lacking: list(word, 0, MOST),
      byItself: list(word, 0, 200),
    })
    .exactOptional(),
});

export type ProposalRefusal = Refused<'proposal-malformed'>;

/** A proposal's text, and the digest that names it. */
export function storeProposalText(proposal: StoreProposal): { readonly text: string; readonly digest: Digest } {
  const written = canonicalJson(form.parse({ form: FORM, ...proposal }));
  return { text: written, digest: digestOf(written) };
}

/** Reads one, also of the form before; never throws on what comes from outside. */
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
  const asBefore = typeof value === 'object' && value !== null && 'form' in value && value.form === FORM_BEFORE;
  const wanted = asBefore ? before : form;
  const parsed = wanted.safeParse(value);
  if (!parsed.success) {
    const [problem] = problemsOf(parsed.error, value, wanted);
    const where = dotted(problem?.path ?? []);
    return no(`at ${where}: expected ${problem?.expected}, found ${problem?.found}`, where);
  }
  const { form: _, ...proposal } = parsed.data;
  const bare = written.replace(/\n$/, '');
  if (canonicalJson(parsed.data) !== bare) return no('it is not canonical JSON');
  return { ok: true, proposal: proposal as StoreProposal, digest: digestOf(bare) };
}

/** Why it isn't for approval any more; undefined: it is. */
export function storeProposalTooOld(
  proposal: StoreProposal,
): { readonly code: string; readonly why: string; readonly unblock: string } | undefined {
  return comparedTooLittle(proposal);
}

/** As people read it before they say yes. */
export function storeProposalWords(proposal: StoreProposal, digestOfIt: Digest): readonly string[] {
  return storeProposalLines(proposal, digestOfIt);
}
