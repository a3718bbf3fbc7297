/**
 * Versioned SQL files, up and down, each in one transaction together with the fence and the record of what was applied.
 * So a migration has happened or it hasn't, whoever was killed when; a second attempt sees the record and does nothing;
 * and an attempt that a later decision overtook is refused by the store itself.
 *
 * Files run as the application's login, which owns its tables, never as superuser. They hold no transaction control, and
 * nothing that can't run in a transaction (CREATE INDEX CONCURRENTLY).
 */
export * from './sql-migrator.ts';
