/**
 * The schema of a real database as a fact (`Catalogue` of @headgate/migrations). A handful of queries over the system's
 * catalogues, one for all tables each, so that 10,000 tables cost no more round trips than ten. In one read-only,
 * repeatable-read transaction: what is read fits together, and nothing can be written.
 */
export * from './read-database.ts';
