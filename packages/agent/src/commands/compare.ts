/** `headgate-agent compare`: whether data that is written in two places is the same in both. */
import { parseArgs } from 'node:util';
import { type CellMove, movesOf } from '@headgate/adapters/execution/moved/cell-moves';
import { visibleJson } from '@headgate/contract';
import { placesAgree } from '@headgate/domain';
import { comparedLines } from '../moved/words.ts';
import { print } from '../output.ts';
import { cellsNamed, complain, configIn, wrongUsage } from './command-line.ts';

const EXIT = { agree: 0, differ: 1, usage: 64, unreadable: 69, config: 78 } as const;

export const COMPARE_USAGE = `headgate-agent compare: whether data that is written in two places is the same in both

  headgate-agent compare --config FILE [--cell CELL] [--move NAME] [--json]

Compares the old and the new place of each move that the configuration declares (moves of a store), in one snapshot of the
database, by the application's own login and in a transaction that can only read. Names the keys of at most twenty rows of each
kind of difference: they are customers' data, and are printed here alone. May run beside the agent, which compares by itself and
tells the server the counts.

--cell  only in this cell
--move  only this one

Exit codes: 0 both places agree, 1 they don't, or it isn't known, 64 wrong usage, 69 a place can't be read, 78 wrong configuration.
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = { config: text, cell: text, move: text, json: flag, help: flag } as const;

/** Runs it and answers the exit code. */
export async function compare(args: readonly string[]): Promise<number> {
  let given: { readonly config?: string; readonly cell?: string; readonly move?: string } & {
    readonly json?: boolean;
    readonly help?: boolean;
  };
  try {
    given = parseArgs({ args: [...args], options: OPTIONS }).values as typeof given;
  } catch (error) {
    return wrongUsage('compare', error, EXIT.usage);
  }
  if (given.help === true) {
    print(COMPARE_USAGE);
    return EXIT.agree;
  }
  if (given.config === undefined) return wrongUsage('compare', 'it needs --config', EXIT.usage);
  const read = configIn(given.config);
  if (!read.ok) return read.code;
  const named = cellsNamed(read.config, given.cell === undefined ? undefined : [given.cell], EXIT.usage);
  if (!named.ok) return named.code;
  const all = named.cells.flatMap((config) => movesOf(config).map((move) => ({ cell: config.cell, move })));
  const asked = all.filter(({ move }) => given.move === undefined || move.name === given.move);
  if (asked.length === 0) {
    const known = all.map(({ move }) => move.name);
    const why =
      known.length === 0
        ? 'no store of this configuration declares data that is being moved (moves)'
        : `--move: there is no move ${given.move}; there is ${known.join(', ')}`;
    return complain(why, known.length === 0 ? EXIT.config : EXIT.usage);
  }
  return compareAll(asked, given.json === true);
}

async function compareAll(
  asked: readonly { readonly cell: string; readonly move: CellMove }[],
  json: boolean,
): Promise<number> {
  const codes: number[] = [];
  const told: object[] = [];
  const blocks: string[][] = [];
  for (const { cell, move } of asked) {
    const place = { cell, store: move.store, move: move.name };
    try {
      const found = await move.compare(new AbortController().signal);
      const agrees = placesAgree(found);
      codes.push(agrees ? EXIT.agree : EXIT.differ);
      told.push({ ...place, agrees, ...found });
      blocks.push(comparedLines(place, move.move, found));
    } catch (error) {
      codes.push(EXIT.unreadable);
      told.push({ ...place, agrees: false, why: (error as Error).message });
      complain(`${move.name} of ${cell}/${move.store} can't be compared: ${(error as Error).message}`, EXIT.unreadable);
    }
  }
  if (json) print(`${visibleJson({ moves: told })}\n`);
  else if (blocks.length > 0) print(`${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`);
  return Math.max(...codes);
}
