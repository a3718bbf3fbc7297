/**
 * Which database a session is in, as an SQL expression: the cluster's own number, and the database's in it. What is bound to
 * it doesn't count in a copy, wherever that was made: another server has another number, another database as well.
 */
export const THIS_DATABASE = `(select system_identifier::text || '/' || (select oid::text from pg_database where datname = current_database()) from pg_control_system())`;
