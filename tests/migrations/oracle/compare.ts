/** What the analysis says of a case, held against what the server did. */
import { analyse, blocksWrites, type Catalogue, LOCK_MODES, type LockMode } from '@headgate/migrations';
import type { Case } from './statements.ts';
import type { Truth } from './trace.ts';

export type Said = 'safe' | 'caution' | 'dangerous';
export type Was = 'safe' | 'breaks' | 'harms';

export interface Compared {
  readonly each: Case;
  readonly was: Was;
  readonly said: Said;
  readonly truth: Truth;
  readonly messages: readonly string[];
  /** Locks that others wait for and that the analysis doesn't know of. */
  readonly understated: readonly string[];
  readonly overstated: readonly string[];
}

export function compare(each: Case, truth: Truth, catalogue: Catalogue): Compared {
  const text = `${each.statements.join(';\n')};`;
  const report = analyse([{ name: 'case.sql', text }], { catalogue, lockTimeout: true });
  // The server takes it, and so does whatever runs the case here: that our own runner doesn't says nothing of harm. Without it the
  // rest has to say whether there is any.
  const findings = report.findings.filter(({ message }) => !message.includes('a file that controls it is refused'));
  const levels = findings.map(({ level }) => level);
  const said: Said = levels.includes('error') ? 'dangerous' : levels.includes('warning') ? 'caution' : 'safe';
  const was: Was = truth.harms.length > 0 ? 'harms' : truth.breaks.length > 0 ? 'breaks' : 'safe';
  const told = new Map<string, LockMode>();
  for (const { locks } of report.files.flatMap(({ statements }) => statements.flatMap(({ effects }) => effects ?? [])))
    for (const { relation, mode } of locks) {
      const held = told.get(relation);
      if (held === undefined || LOCK_MODES.indexOf(mode) > LOCK_MODES.indexOf(held)) told.set(relation, mode);
    }
  const understated: string[] = [];
  const overstated: string[] = [];
  for (const [relation, mode] of truth.locks) {
    const ours = told.get(relation);
    if (blocksWrites(mode) && (ours === undefined || LOCK_MODES.indexOf(ours) < LOCK_MODES.indexOf(mode)))
      understated.push(`${relation}: ${mode}, said ${ours ?? 'nothing'}`);
  }
  for (const [relation, ours] of told) {
    const mode = truth.locks.get(relation);
    if (
      blocksWrites(ours) &&
      catalogue.relations.some(({ schema, name }) => `${schema}.${name}` === relation) &&
      (mode === undefined || LOCK_MODES.indexOf(ours) > LOCK_MODES.indexOf(mode))
    )
      overstated.push(`${relation}: ${mode ?? 'nothing'}, said ${ours}`);
  }
  // Where it is said that what happens isn't known, no lock of it can be.
  if (findings.some(({ rule }) => rule === 'not-known')) understated.length = 0;
  const messages = findings.map(({ level, rule, message }) => `${level} ${rule}: ${message}`);
  return { each, was, said, truth, messages, understated, overstated };
}

/** How often what was said of what. */
export function confusion(all: readonly Compared[]): Record<Was, Record<Said, number>> {
  const table = { safe: row(), breaks: row(), harms: row() };
  for (const { was, said } of all) table[was][said]++;
  return table;
}

function row(): Record<Said, number> {
  return { safe: 0, caution: 0, dangerous: 0 };
}

export function confusionText(all: readonly Compared[]): string {
  const table = confusion(all);
  const lines = (['safe', 'breaks', 'harms'] as const).map((was) => {
    const { safe, caution, dangerous } = table[was];
    return `${was.padEnd(22)}${String(safe).padStart(8)}${String(caution).padStart(10)}${String(dangerous).padStart(12)}`;
  });
  return [
    `${'the server saw'.padEnd(22)}${'safe'.padStart(8)}${'caution'.padStart(10)}${'dangerous'.padStart(12)}  <- we said`,
    ...lines,
  ].join('\n');
}
