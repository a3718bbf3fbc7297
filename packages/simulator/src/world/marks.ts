/** What agents remember of having acted, cell by cell: it is on their own disks, whatever the control plane forgets. */
import type { Assignment } from '@headgate/control';
import { type CellAccount, compareFences, type Digest, type RestorePoint, type ToldPlan } from '@headgate/domain';

const MOST_PLANS = 8;

interface Mark {
  fence: CellAccount['fence'];
  plans: readonly ToldPlan[];
  readonly points: { readonly rollout: string; readonly point: RestorePoint }[];
}

export class Marks {
  readonly #cells = new Map<string, Mark>();

  /** Before anything is done. What is older than what was acted on leaves no mark. */
  take({ cell, fence, plan, course, begun, step }: Assignment, steps: readonly { readonly id: string }[]): void {
    const mark = this.#of(cell);
    if (mark.fence !== null && compareFences(fence, mark.fence) <= 0) return;
    mark.fence = fence;
    const known = mark.plans.find((each) => each.plan === plan);
    const reached = course === 'forward' ? steps.findIndex(({ id }) => id === step) + 1 : begun;
    const own: ToldPlan = {
      ...known,
      plan,
      begun: Math.max(reached, known?.begun ?? 0),
      ...(course === 'undo' && { undone: true, undoing: step }),
    };
    mark.plans = [...mark.plans.filter((each) => each.plan !== plan).slice(1 - MOST_PLANS), own];
  }

  keep(cell: string, rollout: string, point: RestorePoint): void {
    const { points } = this.#of(cell);
    if (!points.some(({ point: { id } }) => id === point.id)) points.push({ rollout, point });
  }

  /** What is told of a cell besides its state. */
  of(cell: string): Omit<CellAccount, 'state'> {
    const { fence, plans, points } = this.#of(cell);
    return { fence, plans, restorePoints: [...points] };
  }

  #of(cell: string): Mark {
    let mark = this.#cells.get(cell);
    if (mark === undefined) {
      mark = { fence: null, plans: [], points: [] };
      this.#cells.set(cell, mark);
    }
    return mark;
  }
}

/** Whether a plan was being taken back, as far as the marks of a cell tell: then how far it came says little. */
export function takenBack(marks: Pick<CellAccount, 'plans'>, plan: Digest): boolean {
  return marks.plans.find((each) => each.plan === plan)?.undone === true;
}
