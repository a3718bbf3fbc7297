import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Install, Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { type DataPlace, dataPlace, doubtText, placeText, sizeText } from '../data/data-place.ts';
import { removable, removeData, takeToRemove } from '../data/remove-data.ts';
import { unleftDatabases, unleftText } from '../data/unleft-databases.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { printable } from '../output.ts';

/** The data of a server and its agents on this machine: where it lies, and how to be rid of it. */
export const data: Install = (program, act) => {
  const group = program
    .command('data')
    .description('where the data of an installation lies on this machine, and how to be rid of it');
  group
    .command('where [folder]')
    .description('the data folder (default: the one here or above), what lies outside of it, and how much it is')
    .action(
      act(async ({ out, cwd, env }, named: string | undefined) => {
        const folder = named === undefined ? dataFolder(env, cwd) : resolve(cwd, named);
        if (folder === undefined)
          throw new Failure(
            EXIT.notFound,
            'no-data-folder',
            'no data folder (.headgate) is here or above',
            'name one, or set HEADGATE_DATA',
          );
        if (!existsSync(folder)) throw notThere(`there is no folder ${folder}`);
        const place = await dataPlace(folder);
        out.answer(
          place,
          [...whereText(place), `be rid of it: headgate data remove ${place.folder.path}`].map(printable).join('\n'),
        );
        return EXIT.ok;
      }),
    );
  group
    .command('remove <folder>')
    .description('delete a data folder and what lies outside of it; refused while anything works there')
    .option('--yes', 'without asking')
    .action(
      act(async (session, named: string, { yes }: { yes?: true }) => {
        const { out, cwd } = session;
        const folder = resolve(cwd, named);
        const taken = await takeToRemove(folder);
        try {
          const told = await removable(folder);
          for (const line of whereText(told)) out.line(printable(line));
          for (const each of await unleftDatabases(folder)) out.line(printable(unleftText(each)));
          out.line(
            'Its log, its keys and tokens, the databases and restore points of its cells: all of that is gone then.',
          );
          if (yes !== true) await confirm(session);
          // The question may have stood for hours.
          const place = await removable(folder);
          if (place.home?.path !== told.home?.path || place.home?.own !== told.home?.own)
            throw new Failure(EXIT.refused, 'changed', 'what lies outside of it changed meanwhile', 'try again');
          await removeData(place);
          out.answer({ removed: place }, printable(`removed: ${placeText(place)}`));
          return EXIT.ok;
        } catch (error) {
          // Why nothing was removed counts more than a lock that the next one takes over.
          await taken.release().catch(() => {});
          throw error;
        }
      }),
    );
};

function whereText({ folder, home, programs }: DataPlace): readonly string[] {
  return [
    `data folder   ${folder.path}  ${sizeText(folder)}`,
    ...(home === undefined
      ? []
      : [
          `outside       ${home.path}  ${sizeText(home)}${home.own ? '' : `  (of ${home.of ?? 'a folder that it does not name'}: stays)`}`,
          ...(home.own ? [] : [`              ${doubtText(home)}`]),
        ]),
    ...(programs === undefined
      ? []
      : [`shared        ${programs.path}  ${sizeText(programs)}  (programs, for every data folder: stays)`]),
  ];
}

async function confirm({ stdin, out }: Session): Promise<void> {
  const refuse = (why: string) => new Failure(EXIT.usage, 'not-confirmed', why, 'give --yes');
  if (out.json || !(stdin as NodeJS.ReadStream).isTTY) throw refuse('nobody can be asked here');
  const asked = createInterface({ input: stdin, output: process.stderr });
  try {
    if ((await asked.question('Delete it all? [y/N] ')).trim().toLowerCase() !== 'y')
      throw refuse('nothing was deleted');
  } finally {
    asked.close();
  }
}
