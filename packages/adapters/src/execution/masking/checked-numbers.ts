/** Numbers with check digits that hold, addresses of machines, and JSON. SQL for PostgreSQL 14 and newer. */

export const CHECKED_NUMBERS: readonly string[] = [
  // What is left of a number, letters being two digits each, when it is divided by 97 (ISO 7064).
  `create or replace function headgate_copy.check_97(value text) returns int
language plpgsql immutable strict parallel safe as $f$
declare told text := value;
begin
  if told ~ '[A-Z]' then
    select string_agg(case when c ~ '[A-Z]' then (ascii(c) - 55)::text else c end, '' order by i) into told
    from unnest(string_to_array(value, null)) with ordinality as each(c, i);
  end if;
  return (told::numeric % 97)::int;
end $f$`,
  // Country and form stay; the account changes, and the check digits are those of the new one.
  `create or replace function headgate_copy.mask_iban(key bytea, value text) returns text
language plpgsql immutable strict parallel safe as $f$
declare bare text := upper(replace(value, ' ', '')); account text; made text;
begin
  if bare !~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$' or headgate_copy.check_97(substr(bare, 5) || left(bare, 4)) <> 1 then
    return headgate_copy.mask_code(key, value, 0);
  end if;
  account := headgate_copy.mask_code(key, substr(bare, 5), 0);
  made := left(bare, 2) || lpad((98 - headgate_copy.check_97(account || left(bare, 2) || '00'))::text, 2, '0') || account;
  if value like '% %' then made := rtrim(regexp_replace(made, '(.{4})', '\\1 ', 'g')); end if;
  return made;
end $f$`,
  // The last digit of a card is a check digit (ISO/IEC 7812, Luhn). Its first six, the issuer's, stay.
  `create or replace function headgate_copy.luhn(digits text) returns int
language sql immutable strict parallel safe as $f$
  select ((10 - sum(case when (length(digits) - i) % 2 = 0 then (2 * d) / 10 + (2 * d) % 10 else d end) % 10) % 10)::int
  from (select c::int as d, i from unnest(string_to_array(digits, null)) with ordinality as each(c, i)) as told
$f$`,
  `create or replace function headgate_copy.mask_card(key bytea, value text) returns text
language plpgsql immutable strict parallel safe as $f$
declare bare text := translate(value, ' -', ''); made text; units text[]; at int := 0;
begin
  if bare !~ '^[0-9]{12,19}$' or headgate_copy.luhn(left(bare, -1)) <> right(bare, 1)::int then
    return headgate_copy.mask_code(key, value, 0);
  end if;
  made := headgate_copy.mask_code(key, left(bare, -1), 6);
  made := made || headgate_copy.luhn(made);
  if bare = value then return made; end if;
  units := string_to_array(value, null);
  for i in 1 .. cardinality(units) loop
    if units[i] ~ '[0-9]' then at := at + 1; units[i] := substr(made, at, 1); end if;
  end loop;
  return array_to_string(units, '');
end $f$`,
  // A German VAT number keeps a valid check digit (ISO 7064 mod 11, 10); all else keeps its country and its form.
  `create or replace function headgate_copy.check_11_10(digits text) returns int
language plpgsql immutable strict parallel safe as $f$
declare product int := 10; sum int;
begin
  for i in 1 .. length(digits) loop
    sum := (substr(digits, i, 1)::int + product) % 10;
    if sum = 0 then sum := 10; end if;
    product := (2 * sum) % 11;
  end loop;
  return (11 - product) % 10;
end $f$`,
  `create or replace function headgate_copy.mask_tax_id(key bytea, value text) returns text
language plpgsql immutable strict parallel safe as $f$
declare made text;
begin
  if value ~ '^DE[0-9]{9}$' and headgate_copy.check_11_10(substr(value, 3, 8)) = right(value, 1)::int then
    made := headgate_copy.mask_code(key, substr(value, 3, 8), 0);
    return 'DE' || made || headgate_copy.check_11_10(made);
  end if;
  return headgate_copy.mask_code(key, value, case when value ~ '^[A-Z]{2}[0-9A-Z]' then 2 else 0 end);
end $f$`,
  // IPv4 to IPv4, different ones to different ones; IPv6 into the range that nobody is given (RFC 4193).
  `create or replace function headgate_copy.mask_ip(key bytea, value inet) returns inet
language plpgsql immutable strict parallel safe as $f$
declare n int8; l int8; r int8; h bytea; made text;
begin
  if family(value) = 4 then
    n := set_masklen(value, 32) - inet '0.0.0.0'; l := n >> 16; r := n & 65535;
    for round in 0 .. 5 loop
      h := sha256(key || int8send((round::int8 << 32) | r));
      n := l # ((get_byte(h, 0) << 8) | get_byte(h, 1)); l := r; r := n;
    end loop;
    return set_masklen(inet '0.0.0.0' + ((l << 16) | r), masklen(value));
  end if;
  made := 'fd' || substr(encode(sha256(key || convert_to(host(value), 'UTF8')), 'hex'), 1, 30);
  return set_masklen(rtrim(regexp_replace(made, '(.{4})', '\\1:', 'g'), ':')::inet, masklen(value));
end $f$`,
  `create or replace function headgate_copy.mask_ip(key bytea, value text) returns text
language plpgsql immutable strict parallel safe as $f$
begin
  return case when value like '%/%' then headgate_copy.mask_ip(key, value::inet)::text else host(headgate_copy.mask_ip(key, value::inet)) end;
exception when invalid_text_representation then return headgate_copy.mask_code(key, value, 0);
end $f$`,
  // Texts in fields of these names, wherever they stand; a field's word is its mask and the number of its key.
  `create or replace function headgate_copy.mask_json(keys bytea[], value jsonb, masks jsonb) returns jsonb
language plpgsql immutable strict parallel safe as $f$
begin
  case jsonb_typeof(value)
    when 'object' then return (
      select coalesce(jsonb_object_agg(f.k, case when masks ? f.k then headgate_copy.mask_json_field(keys, f.v, masks ->> f.k, masks) else headgate_copy.mask_json(keys, f.v, masks) end), '{}')
      from jsonb_each(value) as f(k, v));
    when 'array' then return (
      select coalesce(jsonb_agg(headgate_copy.mask_json(keys, e.v, masks) order by e.i), '[]') from jsonb_array_elements(value) with ordinality as e(v, i));
    else return value;
  end case;
end $f$`,
  `create or replace function headgate_copy.mask_json_field(keys bytea[], value jsonb, how text, masks jsonb) returns jsonb
language plpgsql immutable strict parallel safe as $f$
declare told text := value #>> '{}'; key bytea := keys[split_part(how, ':', 2)::int];
begin
  case jsonb_typeof(value)
    -- What stands in a named field is somebody's however it is put there, but for what a rule of its own names.
    when 'object' then return (
      select coalesce(jsonb_object_agg(f.k, headgate_copy.mask_json_field(keys, f.v, coalesce(masks ->> f.k, how), masks)), '{}')
      from jsonb_each(value) as f(k, v));
    when 'array' then return (
      select coalesce(jsonb_agg(headgate_copy.mask_json_field(keys, e.v, how, masks) order by e.i), '[]') from jsonb_array_elements(value) with ordinality as e(v, i));
    when 'string' then return to_jsonb(case split_part(how, ':', 1)
      when 'person-name' then headgate_copy.mask_full_name(key, told)
      when 'email' then headgate_copy.mask_email(key, told, 'example.org')
      when 'phone' then headgate_copy.mask_digits(key, told, 3)
      when 'address' then headgate_copy.mask_address(key, told)
      when 'iban' then headgate_copy.mask_iban(key, told)
      when 'code' then headgate_copy.mask_code(key, told, 0)
      else '' end);
    -- By its digits: a telephone's number is the same one with and without quotes.
    when 'number' then return to_jsonb(case split_part(how, ':', 1)
      when 'phone' then headgate_copy.mask_digits(key, told, 3)::numeric
      when 'code' then headgate_copy.mask_code(key, told, 0)::numeric
      when 'text' then 0
      else headgate_copy.mask_digits(key, told, 0)::numeric end);
    else return value;
  end case;
end $f$`,
];
