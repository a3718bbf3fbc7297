/** The names of PostgreSQL's own operators (of 15 to 18), none of which is volatile. A test asks a server about each. */
const NAMES = `
!! !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<| <= <> <@ <^ =
> >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~ ~= ~>=~ ~>~ ~~ ~~*
`;

export const OWN_OPERATORS: ReadonlySet<string> = new Set(NAMES.trim().split(/\s+/));

/**
 * PostgreSQL's own volatile functions: of such a name a function of somebody's own needn't be the one that is meant. Those that
 * begin with `pg_` are taken for such ones, too.
 */
export const VOLATILE_FUNCTIONS: ReadonlySet<string> = new Set(
  `amvalidate array_sample array_shuffle brin_desummarize_range brin_summarize_new_values brin_summarize_range clock_timestamp
  currtid2 current_query currval cursor_to_xml cursor_to_xmlschema gen_random_uuid gin_clean_pending_list lastval lo_close lo_creat lo_create
  lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put lo_tell lo_tell64 lo_truncate lo_truncate64
  lo_unlink loread lowrite nextval plpgsql_call_handler plpgsql_validator query_to_xml query_to_xml_and_xmlschema query_to_xmlschema random random_normal set_config
  setseed setval timeofday ts_rewrite ts_stat txid_status uuidv4 uuidv7`
    .trim()
    .split(/\s+/),
);
