/**
 * PostgreSQL's own casts that change no byte (pg_cast with method b, of types that tables have columns of). A column that
 * changes along one of them isn't written again.
 */
export const BINARY_CASTS: ReadonlySet<string> = new Set([
  'bit>varbit',
  'cidr>inet',
  'int4>oid',
  'int4>regclass',
  'int4>regtype',
  'oid>int4',
  'oid>regclass',
  'oid>regtype',
  'regclass>int4',
  'regclass>oid',
  'regtype>int4',
  'regtype>oid',
  'text>bpchar',
  'text>varchar',
  'varbit>bit',
  'varchar>bpchar',
  'varchar>text',
  'xml>text',
  'xml>varchar',
  'xml>bpchar',
]);
