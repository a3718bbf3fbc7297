/** Where migrations are interrupted under load: chosen before they run, and the same each time for the same seed. */

/**
 * `before`: its session, or its program, is ended when nothing of it has happened. `lock`: somebody holds what it needs for
 * longer than it waits. `within`: ended in its middle. `unrecorded`: it is done, and who would write that down is ended.
 * `after`: it is done and written down, and nobody hears of it.
 */
export type Moment = 'before' | 'lock' | 'within' | 'unrecorded' | 'after';

/** A file, as far as it matters for where it can be interrupted. */
export interface InterruptibleFile {
  /** In one transaction; by itself, outside of one; by the application's own program. */
  readonly how: 'transaction' | 'alone' | 'program';
  /** Of a transaction. */
  readonly statements: number;
  /** Relations that it was seen to lock: those at which it can be held. */
  readonly locked: readonly string[];
  /** Of a program whose commits can be seen: how many it made undisturbed. */
  readonly commits?: number;
}

export interface PlannedInterruption {
  /** Which of the files, from 0. */
  readonly file: number;
  readonly moment: Moment;
  /** `within` a transaction: after so many of its statements. */
  readonly statement?: number;
  /** The relation at which it is held until it is ended. */
  readonly relation?: string;
  /** `within` a program: as it had committed so many times. */
  readonly commit?: number;
  /** `within` a program that locks nothing: after so much of the time that it took undisturbed, 0 to 1. */
  readonly share?: number;
}

/** How many of the relations that a program locks it is held at. */
const MOST_RELATIONS = 3;
/** And after how many of its commits it is ended. */
const MOST_COMMITS = 6;

/** In the order in which they come: file by file, from its beginning to its end. At most so many; a seed picks which. */
export function planInterruptions(
  files: readonly InterruptibleFile[],
  { seed, most }: { readonly seed: number; readonly most: number },
): readonly PlannedInterruption[] {
  const draw = drawing(seed);
  const all = files.flatMap((file, i) => ofFile(file, draw).map((each) => ({ file: i, ...each })));
  const order = all.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(draw() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const picked = new Set(order.slice(0, most));
  return all.filter((_, i) => picked.has(i));
}

function ofFile(
  { how, statements, locked, commits = 0 }: InterruptibleFile,
  draw: () => number,
): readonly Omit<PlannedInterruption, 'file'>[] {
  const one = pick(locked, 1, draw)[0];
  const lock: readonly Omit<PlannedInterruption, 'file'>[] =
    one === undefined ? [] : [{ moment: 'lock', relation: one }];
  if (how === 'transaction') {
    // Once early and once late, where there is room for both.
    const early = 1 + Math.floor(draw() * Math.max(1, statements - 1));
    const at = statements > 2 && early < statements ? [early, statements] : [Math.max(1, Math.min(early, statements))];
    return [
      { moment: 'before' },
      ...lock,
      ...at.map((statement) => ({ moment: 'within' as const, statement })),
      { moment: 'after' },
    ];
  }
  if (how === 'alone')
    return one === undefined
      ? [{ moment: 'unrecorded' }, { moment: 'after' }]
      : [
          // It waits for a lock for as long as it has time: nobody queues behind it.
          { moment: 'before', relation: one },
          { moment: 'within', relation: one },
          { moment: 'unrecorded' },
          { moment: 'after' },
        ];
  const held = pick(locked, MOST_RELATIONS, draw);
  const numbers = Array.from({ length: commits }, (_, i) => String(i + 1));
  // What it left committed is there when it is called again: from the first on, since each one is farther along.
  const committed = commits === 0 ? [] : pick(numbers, MOST_COMMITS, draw);
  return [
    { moment: 'before' },
    ...lock,
    ...(held.length === 0 && committed.length === 0
      ? [{ moment: 'within' as const, share: 0.2 + 0.6 * draw() }]
      : held.map((relation) => ({ moment: 'within' as const, relation }))),
    ...committed.map((commit) => ({ moment: 'within' as const, commit: Number(commit) })),
    { moment: 'unrecorded' },
    { moment: 'after' },
  ];
}

function pick(from: readonly string[], most: number, draw: () => number): readonly string[] {
  const left = [...from];
  const picked: string[] = [];
  while (picked.length < most && left.length > 0) picked.push(...left.splice(Math.floor(draw() * left.length), 1));
  return from.filter((each) => picked.includes(each));
}

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
function drawing(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
