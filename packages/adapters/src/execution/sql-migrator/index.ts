/**
 * Versioned SQL files, up and down, each in one transaction together with the fence and the record of what was applied.
 * So a migration has happened or it hasn't, whoever was killed when; a second attempt sees the record and does nothing;
 * and an attempt that a later decision overtook is refused by the store itself.
 *
 * A file is somebody else's code. A trusted key sealed it, so it may do to the application's data what it likes; it may
 * not become the cluster's superuser, nor touch what Headgate keeps about the store. Two sessions see to that:
 *
 *   control    superuser; never runs a line of the file     migration    a login of its own; runs the file
 *   ────────────────────────────────────────────────────    ───────────────────────────────────────────────
 *   takes hold of the store's migrations
 *   locks the migrations' login out
 *   raises the fence, judges, writes the permit
 *   opens the login, with a new password               →    connects
 *   shuts the login                                         begin; enter_migration(); set role owner
 *   ends the session when the time is over                  run_migration(file)
 *                                                           set role none; record_migration(secret); commit
 *   locks the login out
 *
 * - *Rights.* The migration's session is logged in as a role that can do nothing but take on the owner's; `reset role` and
 *   `set session authorization` lead back to that and no further. If the owner itself is more (a superuser, one who may
 *   create roles), nothing is run at all.
 * - *Fence and record*, in the migration's transaction, are written by functions that belong to the superuser
 *   (../store/store-schema.ts). They take no word for it: the control session wrote beforehand, in a transaction of its
 *   own, which one change of the version table is permitted, under which fence. `enter_migration` locks the fence's row
 *   if it still stands there and notes the transaction; `record_migration` makes exactly that change, in that transaction
 *   alone, once, for whoever knows the secret, which this process sends only after the file has ended. A file that calls
 *   them itself, with whatever arguments, gets a refusal or what was going to happen anyway.
 * - *One transaction.* The file runs inside a function, where PostgreSQL knows neither COMMIT nor ROLLBACK nor SAVEPOINT,
 *   also not in a DO block or a procedure. So it can't keep a part of what it did, nor shed the fence's lock.
 * - *Time.* A statement timeout ends the file; a file that catches that, or has set it off, is ended by the control
 *   session, which terminates the backend: nothing that SQL can say survives that. The same when the assignment is taken
 *   back. What a killed agent left is terminated before the next attempt, and by the next `prepareStore`.
 * - *What comes later*: triggers that wait for the commit run as the migrations' login, after the record; they can still
 *   make the commit fail, which takes the record back too. A password or setting that the file gave the login is gone
 *   before it is opened again. Settings of the database don't reach our own sessions (`controlConnection`): with a search
 *   path, an owner could else have had the superuser run a function of its own.
 *
 * What no transaction takes (CREATE INDEX CONCURRENTLY and its like) is one statement in a file that begins with
 * `-- headgate:no-transaction`. It runs with the same rights in a session of the same login, by itself; `alone/run-alone.ts`
 * says how it is told afterwards how far it came.
 *
 * What is left: a file can spoil the store that it is for, hold its locks until the time is over, and take an advisory
 * lock that keeps the next migration waiting. Files hold no transaction control, nothing that can't run in a transaction
 * unless they say so, and no COPY from the client.
 */
export * from './sql-migrator.ts';
