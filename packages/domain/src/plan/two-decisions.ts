/**
 * Going back as two decisions. The application's, traffic and code, is taken at once: it loses nothing. The data's is one of its
 * own for each store, and where it would lose anything it waits for a named yes. Read from a plan, as data; `render-back.ts`
 * has it in words for people.
 */
import { fits } from '../model/cell.ts';
import type { Action, CellPlan, Plan, Step, Undo } from './plan.ts';
import { named } from './render-words.ts';

export type DataWay = 'keep-schema' | 'undo-migration' | 'restore' | 'forward-fix' | 'point-in-time';

/** `nothing`; what the migration itself took; what was written since; or nobody knows, which counts as a loss. */
export type Loss = 'nothing' | 'what-it-took' | 'written-since' | 'not-known';

/** One way back of a store's data, and whether it is one here. */
export interface WayOfData {
  readonly way: DataWay;
  /** `planned`: a rollback comes to it. `instead`: a person may take it in place of that. `none`: it isn't one here. */
  readonly stands: 'planned' | 'instead' | 'none';
  readonly because: string;
  /** The step from which on it is one. Absent: it is none. */
  readonly from?: string;
  readonly loses: Loss;
  /** The step from which on it loses that; absent: it loses nothing, or from `from` on. */
  readonly losesFrom?: string;
  /** Whose yes it takes from then on. */
  readonly approver?: string;
}

/** How the application of some cells goes back: they are alike in it. */
export interface ApplicationBack {
  readonly cells: readonly string[];
  readonly from: string;
  readonly to: string;
  /** The version that serves again. */
  readonly serves: string;
  /** The tenants' own stores go back with it: from there on it isn't by itself, and takes the data's yes. Absent: it is. */
  readonly withDataFrom?: string;
  readonly because: string;
}

/** How the data of stores goes back that a migration changed: they are alike in it. */
export interface DataBack {
  readonly cells: readonly string[];
  readonly stores: readonly string[];
  /** The migrating step; of tenants' own stores `w1.migrate.*`. */
  readonly step: string;
  readonly ways: readonly WayOfData[];
}

export interface TwoDecisions {
  /** When the release itself says that it is to go back. */
  readonly conditions: readonly string[];
  readonly application: readonly ApplicationBack[];
  readonly data: readonly DataBack[];
}

/** Both decisions of a plan, cells and stores that are alike together. */
export function twoDecisions(plan: Plan): TwoDecisions {
  const application = new Map<string, ApplicationBack>();
  const data = new Map<string, DataBack>();
  for (const cell of plan.cells) {
    const back = applicationOf(cell);
    const same = JSON.stringify(back);
    const found = application.get(same);
    application.set(same, { cells: [...(found?.cells ?? []), cell.cell], ...back });
    for (const step of cell.steps) {
      if (step.action.kind !== 'migrate') continue;
      const own = dataOf(cell, step, step.action);
      const key = JSON.stringify(own);
      const before = data.get(key);
      const { store } = step.action;
      data.set(key, {
        cells: [...new Set([...(before?.cells ?? []), cell.cell])],
        stores: [...new Set([...(before?.stores ?? []), store])],
        ...own,
      });
    }
  }
  return {
    conditions: plan.rollbackConditions ?? [],
    application: [...application.values()],
    data: [...data.values()],
  };
}

function servesAgain({ base, slot }: CellPlan) {
  const { release, schemaRange } = base.slots[slot.from] ?? {};
  return { serves: release?.version ?? 'what ran before', range: schemaRange };
}

function applicationOf(cell: CellPlan): Omit<ApplicationBack, 'cells'> {
  const { serves, range } = servesAgain(cell);
  const { slot, steps } = cell;
  const head = { from: slot.to, to: slot.from, serves };
  const own = steps.filter(({ action, of }) => action.kind === 'migrate' && of !== undefined);
  if (own.length > 0) {
    const asks = own.map((step) => step.undo.kind === 'act' && asked(cell, step, step.undo).losesFrom);
    const withDataFrom = asks.find((from) => typeof from === 'string');
    const because = 'each tenant goes back together with the store that is theirs alone';
    if (typeof withDataFrom !== 'string') return { ...head, because };
    return {
      ...head,
      withDataFrom,
      because: `${because}; until they are opened nothing was written that would be lost`,
    };
  }
  if (!steps.some(({ action }) => action.kind === 'migrate'))
    return { ...head, because: 'no store is changed, so there is nothing else to decide' };
  const runs = range === undefined ? 'runs on what results' : `runs on schema ${range.min} to ${range.max}`;
  return { ...head, because: `${serves} ${runs}, so the data may stay as it is until somebody decides` };
}

type Migrate = Extract<Step['action'], { kind: 'migrate' }>;

function dataOf(cell: CellPlan, step: Step, action: Migrate): Omit<DataBack, 'cells' | 'stores'> {
  const planned = plannedOf(step.undo);
  const { undo } = step;
  const at = { step: starred(step) };
  return {
    ...at,
    ways: [
      keeping(cell, step, action, planned),
      undo.kind === 'act' && planned === 'undo-migration'
        ? {
            way: 'undo-migration',
            stands: 'planned',
            from: at.step,
            because: takingBack(undo.action),
            loses: 'not-known',
            ...asked(cell, step, undo),
          }
        : {
            way: 'undo-migration',
            stands: 'none',
            because:
              planned === 'restore'
                ? 'the release declares that only a restore takes it back'
                : 'the release declares that it is kept, or has no file that takes it back',
            loses: 'not-known',
          },
      undo.kind === 'act' && planned === 'restore'
        ? {
            way: 'restore',
            stands: 'planned',
            from: at.step,
            because: 'from the restore point that is taken right before it',
            loses: 'written-since',
            ...asked(cell, step, undo),
          }
        : {
            way: 'restore',
            stands: 'none',
            because:
              'the plan doesn’t come to it: the restore point right before it is for a person who needs something of it',
            loses: 'written-since',
          },
      {
        way: 'forward-fix',
        stands: 'instead',
        from: at.step,
        because: `a release that goes forward from schema ${action.to}`,
        loses: 'nothing',
      },
      {
        way: 'point-in-time',
        stands: 'none',
        because:
          // A plan doesn't know whose server a store is on.
          'never by a plan: of a store whose PostgreSQL Headgate keeps `headgate-agent recover-store …` proposes it, to any moment that its vault has, counts what would be lost, and puts it in place once somebody else agreed; one on somebody else’s server goes to a moment by its owner’s means, and a tenant of Odoo by that command, too, where its cell names a pgBackRest',
        loses: 'written-since',
      },
    ],
  };
}

/** What Headgate runs itself keeps first what it takes away; of what a program does nobody knows that, so all is kept. */
function takingBack(action: Action): string {
  if (action.kind !== 'unmigrate') return '';
  const sql = action.migrations.every(({ file }) => file.name.toLowerCase().endsWith('.sql'));
  const kept = sql
    ? 'what they drop or change is kept in files beside its restore points first'
    : 'what the program takes away nobody knows, so a restore point is taken first, and kept until a person lets it go';
  return `the release’s own files take it back to schema ${action.to}; ${kept}`;
}

function plannedOf(undo: Undo): DataWay {
  if (undo.kind === 'keep') return 'keep-schema';
  return undo.action.kind === 'restore' ? 'restore' : 'undo-migration';
}

/** Who is asked before a way back of a store, and from which step on that is. */
function asked(
  { steps }: CellPlan,
  step: Step,
  { approver, losesFrom }: Extract<Undo, { kind: 'act' }>,
): Pick<WayOfData, 'losesFrom' | 'approver'> {
  if (approver !== undefined) return { approver, losesFrom: losesFrom ?? starred(step) };
  // A tenant's own: whoever opened them is asked, since nothing was written before.
  const opened = steps.find(({ action, of }) => action.kind === 'open' && of?.[0] === step.of?.[0]);
  if (opened?.undo.kind !== 'act' || opened.undo.approver === undefined) return {};
  return { approver: opened.undo.approver, losesFrom: starred(opened) };
}

function keeping(cell: CellPlan, step: Step, action: Migrate, planned: DataWay): WayOfData {
  const { serves, range } = servesAgain(cell);
  const took = action.migrations.filter(({ phase }) => phase !== 'expand').map(({ id }) => id);
  const loses = took.length === 0 ? 'nothing' : 'what-it-took';
  if (step.of !== undefined && planned !== 'keep-schema')
    return {
      way: 'keep-schema',
      stands: 'none',
      because:
        range !== undefined && fits(range, action.to)
          ? 'each tenant goes back together with their store'
          : `${serves} doesn’t run on schema ${action.to}`,
      loses,
    };
  const without = took.length === 0 ? '' : `, without what ${named(took)} took away or changed`;
  const declined = planned === 'keep-schema' ? '' : ': so it stays until somebody agrees, and when somebody declines';
  return {
    way: 'keep-schema',
    stands: planned === 'keep-schema' ? 'planned' : 'instead',
    from: starred(step),
    because: `${serves} goes on with schema ${action.to}${without}${declined}`,
    loses,
  };
}

/** A step's id; of a step that is one tenant's, with a star in their place, so that a thousand of them are told once. */
function starred({ id, of }: Step): string {
  return of?.[0] !== undefined && id.endsWith(`.${of[0]}`) ? `${id.slice(0, -of[0].length)}*` : id;
}
