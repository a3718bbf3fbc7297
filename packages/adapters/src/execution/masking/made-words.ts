/** Functions that put a made word in the place of a person's: from one keyed hash of the value. SQL for PostgreSQL 14 and newer. */

const CONSONANTS = 'bdfgklmnprstvzhj';
const VOWELS = 'aeio';

/** 64 syllables: six bits of a hash choose one. */
const SYLLABLES = [...CONSONANTS].flatMap((consonant) => [...VOWELS].map((vowel) => `${consonant}${vowel}`));
const CAPITALS = SYLLABLES.map((each) => `${each.charAt(0).toUpperCase()}${each.charAt(1)}`);

const array = (words: readonly string[]): string => `'{${words.join(',')}}'::text[]`;

/** Four syllables, of bytes `from` to `from + 3` of the hash `h`; 24 bits. */
function word(from: number, capital = true): string {
  return [0, 1, 2, 3]
    .map((i) => `(${array(i === 0 && capital ? CAPITALS : SYLLABLES)})[1 + (get_byte(h, ${from + i}) & 63)]`)
    .join(' || ');
}

/**
 * `name(key, value)`: a keyed hash, and an expression over it. The key stands first and is 32 bytes long, and of the hash
 * at most 128 bits are shown, so that nobody can go on hashing from what is shown.
 */
function hashed(name: string, parameters: string, expression: string): string {
  return `create or replace function headgate_copy.${name}(key bytea, value text${parameters}) returns text
language plpgsql immutable strict parallel safe as $f$
declare h bytea := sha256(key || convert_to(value, 'UTF8'));
begin return ${expression}; end $f$`;
}

export const MADE_WORDS: readonly string[] = [
  hashed('mask_first_name', '', word(0)),
  hashed('mask_last_name', '', word(4)),
  hashed('mask_full_name', '', `${word(0)} || ' ' || ${word(4)}`),
  // 24 bits in letters and 48 in digits: so many that two people don't meet.
  hashed('mask_email', ', domain text', `${word(0, false)} || '.' || substr(encode(h, 'hex'), 9, 12) || '@' || domain`),
  hashed('mask_address', '', `${word(0)} || ' ' || (1 + (get_byte(h, 4) * 256 + get_byte(h, 5)) % 199)::text`),
  `create or replace function headgate_copy.mask_uuid(key bytea, value uuid) returns uuid
language plpgsql immutable strict parallel safe as $f$
declare h text := encode(sha256(key || uuid_send(value)), 'hex');
begin
  -- Version 4, as if it were random.
  return (substr(h, 1, 12) || '4' || substr(h, 14, 3) || 'a' || substr(h, 18, 15))::uuid;
end $f$`,
  // From 0 to below 1.
  `create or replace function headgate_copy.mask_share(key bytea, value text) returns numeric
language plpgsql immutable strict parallel safe as $f$
declare h bytea := sha256(key || convert_to(value, 'UTF8'));
begin
  return ((get_byte(h, 0)::int8 << 24) | (get_byte(h, 1)::int8 << 16) | (get_byte(h, 2)::int8 << 8) | get_byte(h, 3)::int8)::numeric / 4294967296;
end $f$`,
  `create or replace function headgate_copy.mask_amount(key bytea, value numeric, percent int, decimals int) returns numeric
language plpgsql immutable strict parallel safe as $f$
begin
  if value in ('NaN', 'Infinity', '-Infinity') then return value; end if;
  return round(value + value * percent / 100 * (2 * headgate_copy.mask_share(key, trim_scale(value)::text) - 1), decimals);
end $f$`,
  ...['date', 'timestamp', 'timestamptz'].map(
    (
      type,
    ) => `create or replace function headgate_copy.mask_date(key bytea, value ${type}, person text, days int) returns ${type}
language plpgsql immutable strict parallel safe as $f$
declare
  h bytea := sha256(key || convert_to(person, 'UTF8'));
  moved int := ((get_byte(h, 0) << 16) | (get_byte(h, 1) << 8) | get_byte(h, 2)) % (2 * days) - days;
begin
  -- Never by nothing.
  if moved >= 0 then moved := moved + 1; end if;
  return value + ${type === 'date' ? 'moved' : "moved * interval '24 hours'"};
end $f$`,
  ),
];
