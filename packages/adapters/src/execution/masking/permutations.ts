/**
 * Functions that keep the form of a value and keep different values different: Feistel networks over digits and letters.
 * A half of the value moves the other half by a keyed hash of itself, round after round; each round can be taken back by
 * whoever has the key, so no two values meet. What this is, and what it isn't, stands in docs/adr (a copy is masked beside itself). SQL for PostgreSQL 14
 * and newer.
 */

/** Rounds of every network. Even, so that both halves are moved equally often. */
export const ROUNDS = 6;

/** A keyed hash of the round, the width of the value, and the other half. */
const hashed = (round: number, from: string): string =>
  `h := sha256(key || int8send(wide | ${round * 2 ** 40} | ${from}));`;

/** Three bytes of it as a number that is still a small one. */
const three = (from: number): string =>
  `((get_byte(h, ${from}) << 16) | (get_byte(h, ${from + 1}) << 8) | get_byte(h, ${from + 2}))`;

/** 48 bits of it. */
const MOVED = `((${three(0)}::int8 << 24) | ${three(3)})`;

/** Powers of ten: an array's element is found quicker than it is computed. */
const power = (of: string): string =>
  `('{${Array.from({ length: 19 }, (_, i) => `1${'0'.repeat(i)}`).join(',')}}'::int8[])[1 + ${of}]`;

/** One network over a number `n` of two halves below `high` and `low`; `wide` keeps numbers of other lengths apart. */
const NETWORK = [
  'l := n / low; r := n % low;',
  ...Array.from({ length: ROUNDS }, (_, round) =>
    round % 2 === 0
      ? `${hashed(round, 'r')} l := (l + ${MOVED}) % high;`
      : `${hashed(round, 'l')} r := (r + ${MOVED}) % low;`,
  ),
  'n := l * low + r;',
].join('\n    ');

export const PERMUTATIONS: readonly string[] = [
  // Digits to digits, all else as it is. Few or very many digits, and letters among them, are mask_code's.
  `create or replace function headgate_copy.mask_digits(key bytea, value text, keep int) returns text
language plpgsql immutable strict parallel safe as $f$
declare
  kept text := left(value, keep);
  rest text := substr(value, keep + 1);
  other text := translate(rest, '0123456789', '');
  digits text := case when other = '' then rest else translate(rest, other, '') end;
  width int := length(digits);
  n int8; l int8; r int8; low int8; high int8; wide int8; h bytea; made text;
begin
  if width < 4 or width > 18 or translate(other, ' +()/-', '') <> '' then return headgate_copy.mask_code(key, value, keep); end if;
  n := digits::int8; low := ${power('width / 2')}; high := ${power('width - width / 2')}; wide := width::int8 << 48;
  ${NETWORK}
  made := lpad(n::text, width, '0');
  if other = '' then return kept || made; end if;
  -- Back between the signs: a number's own template does it in one call.
  return kept || to_char(n, 'FM' || translate(rest, '0123456789', '0000000000'));
end $f$`,
  // Whole numbers of as many digits, none of them with a zero in front: walked through the network until one fits.
  `create or replace function headgate_copy.mask_number(key bytea, value int8) returns int8
language plpgsql immutable strict parallel safe as $f$
declare
  n int8 := abs(value); width int := length(n::text); 
  least int8 := ${power('width - 1')};
  l int8; r int8; low int8; high int8; wide int8; h bytea;
begin
  if value = 0 then return 0; end if;
  if width > 18 then raise exception using errcode = '22003', message = 'a number of more than 18 digits can''t be masked as a number'; end if;
  if width = 1 then low := 1; high := 10; else low := ${power('width / 2')}; high := ${power('width - width / 2')}; end if;
  wide := width::int8 << 48;
  loop
    -- Within what its type holds, whichever that is.
    ${NETWORK}
    exit when n >= least and (n > 32767) = (abs(value) > 32767) and (n > 2147483647) = (abs(value) > 2147483647);
  end loop;
  return sign(value)::int8 * n;
end $f$`,
  // Digits to digits, letters to letters of their case; all else as it is.
  `create or replace function headgate_copy.mask_code(key bytea, value text, keep int) returns text
language plpgsql immutable strict parallel safe as $f$
declare
  units text[] := string_to_array(value, null);
  at int[] := '{}'; base int[] := '{}'; size int[] := '{}'; a int[] := '{}';
  c int; half int; count int; h bytea; said bytea; form text := ''; first int; last int;
begin
  for i in keep + 1 .. cardinality(units) loop
    c := ascii(units[i]);
    if c between 48 and 57 then at := at || i; base := base || 48; size := size || 10; a := a || c - 48; form := form || '0';
    elsif c between 65 and 90 then at := at || i; base := base || 65; size := size || 26; a := a || c - 65; form := form || 'A';
    elsif c between 97 and 122 then at := at || i; base := base || 97; size := size || 26; a := a || c - 97; form := form || 'a';
    else form := form || units[i]; end if;
  end loop;
  count := cardinality(at); half := count / 2;
  if count = 0 then return value; end if;
  for round in 0 .. ${ROUNDS - 1} loop
    if round % 2 = 0 then first := half + 1; last := count; said := convert_to(round || form || array_to_string(a[1:half], ','), 'UTF8');
    else first := 1; last := half; said := convert_to(round || form || array_to_string(a[half + 1:count], ','), 'UTF8'); end if;
    h := sha256(key || said);
    while length(h) < 2 * (last - first + 1) loop h := h || sha256(key || said || int4send(length(h))); end loop;
    for i in first .. last loop
      a[i] := (a[i] + get_byte(h, 2 * (i - first)) * 256 + get_byte(h, 2 * (i - first) + 1)) % size[i];
    end loop;
  end loop;
  for i in 1 .. count loop units[at[i]] := chr(base[i] + a[i]); end loop;
  return array_to_string(units, '');
end $f$`,
];
