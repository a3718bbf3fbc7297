import { durationText } from '../model/duration.ts';
import type { Action } from './plan.ts';

const COLUMNS = 100;
const NAMED_MOST = 6;

/** `ada, bob and cyd`; after a handful only how many more. */
export function named(names: readonly string[]): string {
  if (names.length === 0) return 'nobody';
  if (names.length > NAMED_MOST) {
    const shown = names.slice(0, NAMED_MOST - 1);
    return `${shown.join(', ')} and ${names.length - shown.length} more, ${names.length} in all`;
  }
  const last = names.at(-1);
  return names.length === 1 ? `${last}` : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** `1 cell`, `2 cells`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** What an action does, in words. */
export function actionText(action: Action): string {
  switch (action.kind) {
    case 'restore-point':
      return `take and verify a restore point of store ${action.store}`;
    case 'migrate':
    case 'unmigrate': {
      const ids = action.migrations.map((m) => `${m.id} (${m.phase})`).join(', ');
      const verb = action.kind === 'migrate' ? 'migrate' : 'take back';
      const closed = action.closes === undefined ? '' : `, with ${named(action.closes.map((o) => o.name))} closed`;
      return `${verb} store ${action.store}, schema ${action.from} to ${action.to}: ${ids}${closed}`;
    }
    case 'restore':
      return `restore store ${action.store} to schema ${action.to}, losing what was written since`;
    case 'deploy':
      return `start ${action.release.version} in slot ${action.slot}`;
    case 'retire':
      return `stop what runs in slot ${action.slot}, and empty it`;
    case 'route':
      return `route ${named(action.tenants)} to slot ${action.slot}`;
    case 'hold':
      if (action.reads) return `hold the writes of ${named(action.tenants)}: only who reads is served until opened`;
      return `hold ${named(action.tenants)}: no request and no job until opened`;
    case 'open':
      return `open ${named(action.tenants)}`;
    case 'close-operations': {
      const names = named(action.operations.map(({ name }) => name));
      const where = action.slot === undefined ? '' : ` on slot ${action.slot}`;
      return `close ${names}${where} for ${named(action.tenants)}: refused with when to come again; everything else is served`;
    }
    case 'open-operations': {
      const where = action.slot === undefined ? '' : ` on slot ${action.slot}`;
      return `open ${named(action.operations)}${where} for ${named(action.tenants)}`;
    }
    case 'verify':
      return `check ${action.verification.name} on slot ${action.slot} for ${named(action.tenants)}`;
    case 'soak':
      return `watch ${action.verification.name} on slot ${action.slot} for ${durationText(action.durationMs)}`;
    case 'reconcile':
      return `reconcile ${action.reconciliation.name} in store ${action.store} for ${named(action.tenants)}`;
  }
}

/** A label and a text beside it, wrapped at 100 columns under the text's own beginning. */
export function column(label: string, text: string, indent = 0, width = 16): readonly string[] {
  const left = ' '.repeat(indent);
  const room = COLUMNS - indent - width;
  return wrap(text, room).map((line, i) => `${left}${(i === 0 ? label : '').padEnd(width)}${line}`.trimEnd());
}

/** Lines behind an indent, wrapped at 100 columns. */
export function indented(indent: number, lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => wrap(line, COLUMNS - indent).map((part) => `${' '.repeat(indent)}${part}`));
}

/** Breaks between words; a word that is longer than a line is cut. */
function wrap(text: string, room: number): readonly string[] {
  const width = Math.max(room, 20);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > width) {
      lines.push(line);
      line = '';
    }
    while (rest.length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  return [...lines, line];
}
