import { BlobCache } from '../artifacts/blob-cache.ts';
import { Plans } from '../artifacts/plans.ts';
import { lastIn } from '../away/journal.ts';
import { JournalFile } from '../away/journal-file.ts';
import { StandingFile } from '../away/standing.ts';
import type { CellStatus } from '../away/status.ts';
import { inProgress, wentBack } from '../away/watch.ts';
import { begunOf } from '../away/way-back.ts';
import { MarksFile } from '../marks/marks-file.ts';

/** What of a plan is under way in a cell, by what a running agent says of it; undefined: nothing. */
export function underWayBy({ work, undoing, unreadable }: CellStatus): string | undefined {
  if (undoing !== undefined && goesBack(undoing)) return 'the agent goes back by itself';
  if (unreadable !== undefined) return `its plan can't be read: ${unreadable}`;
  return work?.inProgress === true ? waveOf(work.promotion, work.step, work.begun, work.steps) : undefined;
}

/** Also when it stands still: nobody has taken it over. */
function goesBack({ phase, told }: { readonly phase: string; readonly told?: string | undefined }): boolean {
  return phase === 'going' || (phase === 'stopped' && told === undefined);
}

function waveOf(promotion: string, step: string, begun: number, steps: number): string {
  return `a wave of promotion ${promotion}, last ${step} (${begun} of ${steps} steps begun)`;
}

/** The same by what the agent wrote down, for each of these cells. It only reads: the agent may run beside it. */
export async function underWayIn(
  dataDir: string,
  cells: readonly string[],
): Promise<ReadonlyMap<string, string | undefined>> {
  const standing = await StandingFile.open(dataDir);
  const marks = await MarksFile.open(dataDir);
  const undone = await JournalFile.read(dataDir);
  const plans = new Plans(await BlobCache.open(dataDir, async () => undefined));
  const found = new Map<string, string | undefined>();
  for (const cell of cells) found.set(cell, await ofCell(cell));
  return found;

  async function ofCell(cell: string): Promise<string | undefined> {
    const last = standing.of(cell);
    const undoing = lastIn(undone, cell);
    if (undoing !== undefined && goesBack(undoing)) return 'the agent was going back by itself';
    const begun = begunOf(last, marks.marks);
    if (last === undefined || begun === undefined) return undefined;
    const { promotion, step, plan: digest, course } = last.last;
    if (course === 'undo')
      return last.answered ? undefined : `the way back of promotion ${promotion}, step ${step}, wasn't answered for`;
    const read = await plans.get(digest, AbortSignal.timeout(2_000)).catch(() => undefined);
    const plan = read?.ok ? read.plan : undefined;
    const cellPlan = plan?.cells.find((each) => each.cell === cell);
    if (plan === undefined || cellPlan === undefined) return `its plan ${digest} can't be read here`;
    if (wentBack(undoing, last)) return undefined;
    const goes = inProgress(last, plan, cellPlan, begun, { now: () => Date.now() });
    return goes ? waveOf(promotion, step, begun, cellPlan.steps.length) : undefined;
  }
}
