import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type CutOff, readWholeJournal } from '../load/journal.ts';

/** What customers were promised in one telling, by the name that the load gives it. */
const PART = /^load-(\d+)\.jsonl$/;
const WHOLE = 'journal.jsonl';

/**
 * One journal of everything that customers were promised in a folder, in order: a story that was cut short has several, and
 * a promise of the first counts as much as one of the last. A line that a crash cut off never counted,
 * and customers who didn't come to say that they went home are marked as cut off.
 */
export async function wholeJournal(folder: string): Promise<string> {
  const parts = (await readdir(folder)).filter((name) => PART.test(name));
  parts.sort((a, b) => Number(PART.exec(a)?.[1]) - Number(PART.exec(b)?.[1]));
  const path = join(folder, WHOLE);
  const whole = await open(path, 'w', 0o600);
  try {
    for (const part of parts) {
      let last = '';
      for await (const line of readWholeJournal(join(folder, part))) {
        last = line.kind;
        await whole.write(`${JSON.stringify(line)}\n`);
      }
      const cutOff: CutOff = { kind: 'cut-off' };
      if (last !== 'went-home') await whole.write(`${JSON.stringify(cutOff)}\n`);
    }
  } finally {
    await whole.close();
  }
  return path;
}
