/** The two decisions of going back as lines for a person, in 100 columns. */
import type { Plan } from './plan.ts';
import { column, indented, named } from './render-words.ts';
import {
  type ApplicationBack,
  type DataBack,
  type DataWay,
  type Loss,
  twoDecisions,
  type WayOfData,
} from './two-decisions.ts';

const WAYS: Readonly<Record<DataWay, string>> = {
  'keep-schema': 'keep the schema',
  'undo-migration': 'undo migration',
  restore: 'restore',
  'forward-fix': 'forward fix',
  'point-in-time': 'point in time',
};

const STANDS: Readonly<Record<WayOfData['stands'], string>> = {
  planned: 'planned',
  instead: 'instead',
  none: 'not here',
};

const LOSES: Readonly<Record<Loss, string>> = {
  nothing: 'nothing',
  'what-it-took': 'what it took away or changed',
  'written-since': 'what was written since its restore point',
  'not-known': 'what was written into what it made, and nobody knows how much that is',
};

/** Told once, since they are the same for every store. */
const ANYWHERE: ReadonlySet<DataWay> = new Set(['forward-fix', 'point-in-time']);

/** Both decisions: which there are, from which step on, what each loses and who must say yes. */
export function backText(plan: Plan): readonly string[] {
  const { conditions, application, data } = twoDecisions(plan);
  const anywhere = data[0]?.ways.filter(({ way }) => ANYWHERE.has(way)) ?? [];
  return [
    'Going back, in two decisions',
    ...indented(2, ['the application: at once, by one word, since it loses nothing']),
    ...application.flatMap(applicationText),
    ...(data.length === 0
      ? []
      : [
          ...indented(2, ['the data: a decision of its own, afterwards']),
          ...alike(data).flatMap(dataText),
          ...indented(4, ['any store']),
          ...anywhere.flatMap((way) => column(WAYS[way.way], `${STANDS[way.stands]}: ${way.because}`, 6, 17)),
        ]),
    ...(conditions.length === 0
      ? []
      : [
          ...indented(2, ['says the release, it is to go back when']),
          ...conditions.flatMap((each) => column('-', each, 4, 2)),
        ]),
  ];
}

/** Stores that differ in nothing but their wave are told together, a star in its place. */
function alike(data: readonly DataBack[]): readonly DataBack[] {
  const told = new Map<string, readonly DataBack[]>();
  for (const each of data) {
    const key = anyWave({ ...each, cells: [], stores: [] });
    told.set(key, [...(told.get(key) ?? []), each]);
  }
  return [...told].map(([key, same]) => {
    const cells = [...new Set(same.flatMap((each) => each.cells))];
    const stores = [...new Set(same.flatMap((each) => each.stores))];
    const one = same.length === 1 ? same[0] : (JSON.parse(key) as DataBack);
    return { ...(one as DataBack), cells, stores };
  });
}

function anyWave(data: DataBack): string {
  const { step, ways } = data;
  const star = (id: string): string => id.replace(/^w\d+\./, 'w*.');
  const names = ({ from, losesFrom }: WayOfData) => ({
    ...(from === undefined ? {} : { from: star(from) }),
    ...(losesFrom === undefined ? {} : { losesFrom: star(losesFrom) }),
  });
  return JSON.stringify({ ...data, step: star(step), ways: ways.map((way) => ({ ...way, ...names(way) })) });
}

function applicationText({ cells, from, to, serves, withDataFrom, because }: ApplicationBack): readonly string[] {
  const until =
    withDataFrom === undefined ? 'from every step on' : `until ${withDataFrom}, from there on only with the data’s yes`;
  return [
    ...indented(4, [cellsText(cells)]),
    ...column('', `${from} to ${to}, where ${serves} serves again, ${until}: ${because}`, 4, 2),
  ];
}

function dataText({ cells, stores, step, ways }: DataBack): readonly string[] {
  const own = ways.filter(({ way }) => !ANYWHERE.has(way));
  return [
    ...indented(4, [`store ${named(stores)} of ${cellsText(cells)}, once ${step} has begun`]),
    ...own.flatMap((way) => column(WAYS[way.way], wayText(way), 6, 17)),
  ];
}

/** One way in words: whether it is one, what it loses from when on, and who must say yes. */
function wayText({ stands, because, from, loses, losesFrom, approver }: WayOfData): string {
  const head = `${STANDS[stands]}: ${because}`;
  if (stands === 'none') return head;
  if (approver === undefined || losesFrom === undefined) return `${head}; loses ${LOSES[loses]}`;
  const lost = losesFrom === from ? LOSES[loses] : `nothing before ${losesFrom}; from there on ${LOSES[loses]}`;
  return `${head}; loses ${lost}: ${approver} must agree`;
}

function cellsText(cells: readonly string[]): string {
  return `${cells.length === 1 ? 'cell' : 'cells'} ${named(cells)}`;
}
