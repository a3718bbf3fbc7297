/**
 * Writes a new folder of the corpus: `node packages/domain/corpus/generate.ts 002`. An old folder is history and is
 * never written again. Make one whenever states or events get a new shape.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CorpusFile, fileOfWatch, fileOfWorld } from './format.ts';
import { INTERRUPTED, OWN_STORES, WATCHES, WORLDS } from './journeys.ts';

/** Today's journeys as files, by name. */
export function corpusToday(): ReadonlyMap<string, CorpusFile> {
  const files = new Map<string, CorpusFile>();
  for (const [name, make] of Object.entries({ ...WORLDS, ...OWN_STORES, ...INTERRUPTED }))
    files.set(`${name}.json`, fileOfWorld(name, make()));
  for (const [name, make] of Object.entries(WATCHES)) files.set(`hypercare-${name}.json`, fileOfWatch(name, make()));
  return files;
}

/** Writes them to a folder that must not exist yet, and returns how many. */
export function generate(folder: string): number {
  mkdirSync(folder);
  const files = corpusToday();
  // One step a line: compact, and still to be compared by eye.
  for (const [name, file] of files) writeFileSync(join(folder, name), linesOf(file), { flag: 'wx' });
  return files.size;
}

function linesOf({ streams, ...rest }: CorpusFile): string {
  const texts = streams.map(({ steps, ...stream }) => {
    const lines = steps.map((step) => `    ${JSON.stringify(step)}`).join(',\n');
    return `  ${JSON.stringify(stream).slice(0, -1)},"steps":[\n${lines}\n  ]}`;
  });
  return `${JSON.stringify(rest).slice(0, -1)},"streams":[\n${texts.join(',\n')}\n]}\n`;
}

if (import.meta.main) {
  const name = process.argv[2] ?? '';
  if (!/^\d{3}$/.test(name)) {
    console.error('Name the new folder: three digits, one more than the last.');
    process.exitCode = 2;
  } else {
    const folder = join(dirname(fileURLToPath(import.meta.url)), name);
    try {
      console.log(`${generate(folder)} files in corpus/${name}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      console.error(`corpus/${name} is there already, and is never written again. Take the next number.`);
      process.exitCode = 1;
    }
  }
}
