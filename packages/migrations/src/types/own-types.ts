/** PostgreSQL's own types (of 15 to 18), none of which has rules or a default, but for the domains of its information schema. */
const NAMES = `
aclitem bit bool box bpchar bytea char cid cidr circle date datemultirange daterange float4 float8 gtsvector inet int2
int2vector int4 int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line lseg macaddr
macaddr8 money name numeric nummultirange numrange oid oid8 oidvector path pg_lsn pg_snapshot point polygon record
refcursor regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole
regtype text tid time timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector
txid_snapshot unknown uuid varbit varchar void xid xid8 xml
`;

export const OWN_TYPES: ReadonlySet<string> = new Set(NAMES.trim().split(/\s+/));

/** Types that well-known extensions bring, none of them a domain: a file that creates the extension may use them at once. */
export const TYPES_OF_EXTENSIONS: ReadonlySet<string> = new Set(
  `citext cube geography geometry halfvec hstore lquery ltree ltxtquery raster seg sparsevec vector`.split(' '),
);
