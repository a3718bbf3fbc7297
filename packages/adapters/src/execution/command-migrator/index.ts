/**
 * Migrations by the application's own program: Django's, Rails', Flyway's, an ERP's. The cell's configuration says which
 * program, with which leading arguments, environment and secrets; the signed release says with which arguments it is called
 * for a migration, and what the application's version query says before and after. `docs/command-migrator.md` is the
 * manual; this is the argument.
 *
 *   nobody else migrates this store (a lock in its database); the fence is raised, or the assignment refused
 *   the migrations' login is locked out, its sessions are ended; what an earlier killed agent left running is ended
 *   the application is asked for its version, and `judge` decides from that and the records whether anything is to be done
 *   the release's files are written anew; that a command is begun is written down
 *   the login is opened with a new password; the program runs, bounded in time and output; the login is locked out again
 *   the application is asked again; the version is recorded, in one transaction with the fence
 *
 * - *The version is what the query says*, once the program has also said that it was done. An exit code of 0 with the wrong
 *   answer fails. So does another exit code with the right answer: the program knows of something that it didn't do. Both
 *   are told in words, and the next attempt begins where the query says.
 * - *Killed anywhere, then again.* The program and its database aren't one transaction, so the record that a command was begun
 *   stands until one has ended. Such a store counts as not migrated; the next attempt calls the program again, which must
 *   be able to bear that (as Django, Alembic, Flyway and Odoo do), or is left to a person where it says that it can't.
 * - *Rights.* The program logs in as the migrations' login of ADR 7 and acts as the application's owner; it can't be more. What
 *   we ask the database afterwards we ask as the owner too: a view in the place of a table runs as whoever reads it.
 * - *Secrets* go into the environment and nowhere else. Output is masked before it is kept, then bounded.
 *
 * What is left: a program can spoil the store that it is for, and what the user that it runs as may write. One that leaves
 * its session, its folder and its environment behind outlives us, without a way into the database.
 */
export * from './command-config.ts';
export * from './command-document.ts';
export * from './command-migrator.ts';
