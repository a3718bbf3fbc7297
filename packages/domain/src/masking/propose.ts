/** Proposes rules for a database from what columns are called, what type they are, and how many sampled values look like what. */
import { MASKERS, takesSingleValues } from './maskers.ts';
import type { Mask } from './rule.ts';

/** What was sampled of a column: counts alone. */
export interface ColumnSample {
  /** `schema.table`. */
  readonly table: string;
  readonly column: string;
  readonly base: string;
  /** A list: what is counted are its members. */
  readonly array: boolean;
  readonly length: number | null;
  readonly unique: boolean;
  /** Column that tells whose row it is, for days: the primary key where it is one column. */
  readonly person: string | undefined;
  /** Values that are not null; of a list, members that aren't. */
  readonly values: number;
  readonly email: number;
  readonly phone: number;
  /** With check digits that hold. */
  readonly iban: number;
  readonly ip: number;
  /** Two to four capitalised words. */
  readonly name: number;
  /** More than five words. */
  readonly prose: number;
  /** Of JSON: names of fields in which e-mail addresses or telephone numbers stand. */
  readonly fields: readonly { readonly field: string; readonly as: 'email' | 'phone' }[];
}

export interface Proposal {
  readonly table: string;
  readonly column: string;
  readonly mask: Mask;
  readonly sure: 'sure' | 'likely' | 'guess';
  readonly why: string;
}

/** What a name says, in English and German as schemas have it; and which masker it asks for. */
const BY_NAME: readonly (readonly [RegExp, (sample: ColumnSample) => Mask | undefined, string])[] = [
  [/e_?mail|mail_?addr/, () => ({ mask: 'email', domain: 'example.org' }), 'e-mail addresses'],
  [/first_?name|given_?name|vorname/, () => ({ mask: 'person-name', part: 'first' }), 'first names'],
  [/last_?name|sur_?name|family_?name|nachname/, () => ({ mask: 'person-name', part: 'last' }), 'last names'],
  [
    /^(full_?name|contact_?name|display_?name|person_?name|employee_?name|customer_?name|ansprechpartner)$/,
    () => ({ mask: 'person-name', part: 'full' }),
    'names of persons',
  ],
  [/phone|mobile|telefon|^tel$|^fax$|handy/, () => ({ mask: 'phone', keep: 3 }), 'telephone numbers'],
  [/iban/, () => ({ mask: 'iban' }), 'bank accounts'],
  [/account_?(no|num)|kontonummer/, () => ({ mask: 'code', keep: 0 }), 'bank accounts'],
  [/card_?(no|num)|credit_?card|^pan$/, () => ({ mask: 'card' }), 'card numbers'],
  [/tax_?(id|no|num)|vat|ust_?id|steuer|ssn|social_?sec/, () => ({ mask: 'tax-id' }), 'tax numbers'],
  [/street|address|strasse|anschrift/, () => ({ mask: 'address' }), 'addresses'],
  [/(^|_)ip(_|$)|ip_?addr|remote_?addr/, () => ({ mask: 'ip' }), 'addresses of machines'],
  [
    /birth|(^|_)born(_|$)|^dob$|geburt/,
    ({ person }) => (person === undefined ? undefined : { mask: 'date', by: person, days: 14 }),
    'birthdays',
  ],
  [/salary|wage|gehalt|lohn/, () => ({ mask: 'amount', percent: 5, decimals: 2 }), 'pay'],
  [/note|comment|remark|bemerkung|notiz/, () => ({ mask: 'text', with: '' }), 'free text'],
];

/** Tables whose rows are people, where a name is a person's. */
const PEOPLE = /person|customer|contact|employee|user|member|patient|kunde|mitarbeiter/i;

/** Columns whose values say so, whatever they are called; at least so many of a hundred. */
const MOST = 0.8;

/** Proposals in the order of the samples, one a column at most. What nothing speaks for is left out. */
export function proposeRules(samples: readonly ColumnSample[]): readonly Proposal[] {
  return samples.flatMap((sample) => {
    const found = propose(sample);
    return found === undefined ? [] : [{ ...fitting(found, sample), table: sample.table, column: sample.column }];
  });
}

type Found = Pick<Proposal, 'mask' | 'sure' | 'why'>;

function propose(sample: ColumnSample): Found | undefined {
  const { column, values, fields } = sample;
  const ofPeople = PEOPLE.test(sample.table);
  if (fields.length > 0) {
    const names = fields.map(({ field }) => field).join(', ');
    return { mask: { mask: 'json', fields }, sure: 'likely', why: `sampled values have people’s data in: ${names}` };
  }
  const [, maskOf, what] = BY_NAME.find(([pattern]) => pattern.test(column.toLowerCase())) ?? [];
  const named = maskOf?.(sample);
  const share = (n: number): number => (values === 0 ? 0 : n / values);
  const seen = (n: number, like: string): string =>
    `${Math.round(100 * share(n))} % of ${values} sampled values look like ${like}`;
  const shapes: readonly (readonly [number, Mask, string])[] = [
    [sample.email, { mask: 'email', domain: 'example.org' }, 'e-mail addresses'],
    [sample.iban, { mask: 'iban' }, 'accounts with check digits that hold'],
    [sample.ip, { mask: 'ip' }, 'addresses of machines'],
    [sample.phone, { mask: 'phone', keep: 3 }, 'telephone numbers'],
    [sample.name, { mask: 'person-name', part: 'full' }, 'names of persons'],
  ];
  const shape = shapes.find(([n]) => share(n) >= MOST);
  if (shape !== undefined) {
    const [n, mask, like] = shape;
    const agrees = named?.mask === mask.mask;
    if (agrees) return { mask: named as Mask, sure: 'sure', why: `${seen(n, like)}, and it is called so` };
    // Two capitalised words are many things; a name's own word says more.
    if (mask.mask === 'person-name' || mask.mask === 'phone')
      return named === undefined
        ? { mask, sure: ofPeople ? 'likely' : 'guess', why: seen(n, like) }
        : { mask: named, sure: 'likely', why: `it is called as ${what} are` };
    return { mask, sure: 'sure', why: seen(n, like) };
  }
  if (named !== undefined && fits(named, sample))
    return { mask: named, sure: named.mask === 'text' ? 'guess' : 'likely', why: `it is called as ${what} are` };
  if (share(sample.prose) >= MOST / 2)
    return { mask: { mask: 'text', with: '' }, sure: 'guess', why: seen(sample.prose, 'free text') };
  return undefined;
}

function fits({ mask }: Mask, { base, array }: ColumnSample): boolean {
  return MASKERS[mask].types.has(base) && !(array && takesSingleValues(mask));
}

/** The same for a column that takes it: code, where different values must stay different or the result is too long. */
function fitting(found: Found, { unique, length }: ColumnSample): Found {
  const { mask } = found;
  const masker = MASKERS[mask.mask] as (typeof MASKERS)['email'];
  const longest = masker.longest?.(mask as never);
  if (!masker.types.has('text')) return found;
  if (unique && masker.injective === 'no')
    return { ...found, mask: { mask: 'code', keep: 0 }, why: `${found.why}; its values are unique` };
  if (length !== null && longest !== undefined && longest > length)
    return { ...found, mask: { mask: 'code', keep: 0 }, why: `${found.why}; it takes ${length} characters` };
  return found;
}
