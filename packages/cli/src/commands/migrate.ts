import { open, readFile, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { migrateText } from '@headgate/documents/versions/index';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { table } from '../output.ts';

/** Rewrite documents of an older form. */
export const migrate: Install = (program, act) => {
  program
    .command('migrate <files...>')
    .description('rewrite documents of an older form in today’s; comments stay. All files or none; asks no server')
    .option('--dry-run', 'say what would change, and change nothing')
    .action(
      act(async ({ out, cwd }, files: string[], options: { dryRun?: boolean }) => {
        const read = await Promise.all(
          files.map(async (file) => {
            const path = resolve(cwd, file);
            const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
              if (error.code === 'ENOENT') throw notThere(`there is no file ${file}`);
              throw new Failure(EXIT.usage, 'usage', `${file} can't be read (${error.code})`);
            });
            return { file, path, migrated: migrateText(text, file) };
          }),
        );
        const problems = read.flatMap(({ migrated }) => (migrated.ok ? [] : migrated.problems.map((p) => p.message)));
        if (problems.length > 0) throw new Failure(EXIT.refused, 'document-malformed', problems.join('\n'));
        const changed = read.flatMap(({ file, path, migrated }) =>
          migrated.ok && migrated.changes.length > 0 ? [{ file, path, ...migrated }] : [],
        );
        if (options.dryRun !== true) for (const { path, text } of changed) await replace(path, text);
        const answer = {
          dryRun: options.dryRun === true,
          changed: changed.map(({ file, changes }) => ({ file, changes })),
        };
        const rows = changed.flatMap(({ file, changes }) => changes.map((change) => [file, change]));
        out.answer(answer, rows.length === 0 ? 'all of it is of today’s form' : table(['FILE', 'CHANGE'], rows));
        return EXIT.ok;
      }),
    );
};

/** The new text or the old one, whatever happens on the way. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
