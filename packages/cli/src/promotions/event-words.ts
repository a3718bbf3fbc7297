/**
 * An entry of the log as whoever is on call wants it at three in the morning: what happened, where, why, and by whom. What a
 * line leaves out stands in `--json`, which has every entry as it is.
 */
import type { LogEvent } from '@headgate/contract';
import { liftCommand, scopeText } from '../commands/freeze.ts';
import { instant } from '../output.ts';

export interface EventWords {
  /** The promotion that it is about, if it is about one. */
  readonly promotion?: string;
  readonly cell?: string;
  /** What happened and why, in one line. */
  readonly what: string;
  /** What a step came to, where it is about one: many cells at the same step are told as a sum. */
  readonly step?: { readonly id: string; readonly how: StepStands };
}

export type StepStands = 'at work' | 'waits' | 'done' | 'failed' | 'asks';

type Data = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
/** `: reason`, or nothing. */
const because = (value: unknown): string => (text(value) === '' ? '' : `: ${text(value)}`);

/** The promotion and the cell that a stream is of. */
function placeOf(stream: string): { readonly promotion?: string; readonly cell?: string } {
  const [kind, id = ''] = [stream.slice(0, stream.indexOf('/')), stream.slice(stream.indexOf('/') + 1)];
  if (kind === 'promotion' || kind === 'undone') return { promotion: id };
  if (kind === 'cell') return { cell: id };
  if (kind !== 'rollout') return {};
  const dot = id.indexOf('.');
  return { promotion: id.slice(0, dot), cell: id.slice(dot + 1) };
}

/** Undefined: bookkeeping, of which nobody has to know to understand what goes on. */
export function eventWords({ type, stream, data }: LogEvent): EventWords | undefined {
  const place = placeOf(stream);
  if (type.startsWith('rollout.')) {
    const words = rolloutWords(type, place.promotion ?? '', data);
    return words === undefined ? undefined : { ...place, ...words };
  }
  const what = type.startsWith('promotion.')
    ? promotionWords(type, place.promotion ?? '', data)
    : otherWords(type, stream, data);
  return what === undefined ? undefined : { ...place, what };
}

function promotionWords(type: string, id: string, data: Data): string | undefined {
  switch (type) {
    case 'promotion.requested': {
      const cells = (data.cells as readonly unknown[] | undefined)?.length ?? 0;
      const over = data.overtakes === undefined ? '' : `, overtaking ${text(data.overtakes)}`;
      const waves = `${text(data.waves)} ${data.waves === 1 ? 'wave' : 'waves'}`;
      return `asked for: ${cells} ${cells === 1 ? 'cell' : 'cells'} in ${waves}, ${text(data.application)}${over}`;
    }
    case 'promotion.waiting':
      return `waits${because(data.reason)}${unblock(data.verdicts, id)}`;
    case 'promotion.approved':
      return `approved (${text(data.proof) || 'server-attested'})`;
    case 'promotion.go-asked':
      return `GO OR NO-GO? ${text(data.cell)} stands before ${text(data.step)}, from where going back loses data: headgate go ${id} --reason "…", or headgate rollback ${id} --reason "…"`;
    case 'promotion.go':
      return `GO${because(data.reason)}`;
    case 'promotion.wave-opened':
      return `wave ${text(data.wave)} opens`;
    case 'promotion.paused':
      return `PAUSED${because(data.reason)}; until ${instant(data.until as number)}, or: headgate resume ${id}`;
    case 'promotion.resumed':
      return 'resumed';
    case 'promotion.rollback-decided':
      return `ROLLS BACK ${undoText(data.scope)}${because(data.because)}`;
    case 'promotion.overtaken':
      return `OVERTAKEN by ${text(data.hotfix)}${because(data.because)}`;
    case 'promotion.held':
      return `ASKS${because(data.question)} (headgate keep ${id}, or headgate rollback ${id} --reason "…")`;
    case 'promotion.kept':
      return 'what stayed on the release is kept there';
    case 'promotion.ended':
      return `ended ${text(data.result)}${because(data.because)}`;
    default:
      return plainWords(type, data);
  }
}

/** What would open the gates that are closed, and who can. What is laid out in lines, to be typed, `explain` tells whole. */
function unblock(verdicts: unknown, id: string): string {
  if (!Array.isArray(verdicts)) return '';
  const closed = (verdicts as readonly Data[]).filter(({ verdict }) => verdict !== 'pass' && verdict !== 'waived');
  const most = closed.slice(0, 3).map((v) => {
    const [first = '', ...more] = text(v.unblock).split('\n');
    const rest = more.length > 0 ? ` … headgate explain ${id} has the rest` : '';
    return `${text(v.gate)}: ${text(v.because)} (${text(v.who)}: ${first}${rest})`;
  });
  return most.length === 0 ? '' : `; ${most.join('; ')}${closed.length > 3 ? ` and ${closed.length - 3} more` : ''}`;
}

function undoText(scope: unknown): string {
  const { kind, wave, cell, cells, tenants } = (scope ?? {}) as {
    readonly kind?: string;
    readonly wave?: number;
    readonly cell?: string;
    readonly cells?: readonly string[];
    readonly tenants?: readonly string[];
  };
  if (kind === 'tenant') return `the tenants that failed${tenants === undefined ? '' : ` (${some(tenants)})`}`;
  if (kind === 'ring') return `the ring of wave ${wave}`;
  if (kind === 'cell') return `what moved in cell ${cell ?? some(cells ?? [])}`;
  return 'everything that moved';
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;

const AFTER: Readonly<Record<string, string>> = {
  retry: 'it is tried again',
  decide: 'the promotion decides',
  ask: 'a person is asked',
};

function rolloutWords(type: string, promotion: string, data: Data): Omit<EventWords, 'promotion' | 'cell'> | undefined {
  const id = text(data.step);
  const step = (how: StepStands, what: string) => ({ step: { id, how }, what });
  switch (type) {
    case 'rollout.leased':
      return step('at work', `${id} at work`);
    case 'rollout.step-done':
      return step('done', `${id} done${resultText(data.result, id)}`);
    case 'rollout.step-failed':
      return step('failed', `${id} FAILED${because(data.why)}; ${AFTER[text(data.after)] ?? text(data.after)}`);
    case 'rollout.lease-lost':
      return step(
        'waits',
        data.why === 'revoked' ? `${id} is taken from its agent` : `${id}: its agent was lost; it is offered again`,
      );
    case 'rollout.step-waits':
      return step('waits', `${id} waits${because(data.reason)}`);
    case 'rollout.asked':
      return step('asks', `${id} ASKS${because(data.question)} (headgate explain ${promotion} says how to answer)`);
    case 'rollout.answered':
      return { what: `${id}: answered ${text(data.answer)}${because(data.because)}` };
    case 'rollout.waiting':
      // What time and its neighbours end says nothing; what somebody has to end does.
      return /^gate |held/.test(text(data.reason))
        ? { step: { id: text(data.reason), how: 'waits' }, what: `waits${because(data.reason)}` }
        : undefined;
    case 'rollout.undo-begun':
      return { step: { id: 'undo', how: 'at work' }, what: 'goes back' };
    case 'rollout.undone-away':
      return { what: `was taken back by its agent while the server was away${because(data.because)}` };
    case 'rollout.settled':
      return data.result === 'undone' ? { step: { id: 'undo', how: 'done' }, what: 'is back' } : undefined;
    case 'rollout.read-back':
      return { what: 'is read back after the restore' };
    default:
      return undefined;
  }
}

/** What a step that names tenants did for them, by its id; undefined: it moved them. */
function doneFor(step: string): string | undefined {
  const [at, kind = ''] = step.split('.');
  if (kind === 'activate' || kind === 'open' || (at === 'undo' && kind === 'close')) return 'opened for';
  if (kind === 'close') return 'closed for';
  return kind.startsWith('hold') && at !== 'undo' ? 'held' : undefined;
}

function resultText(result: unknown, step: string): string {
  const { routed, schemaVersion, migrations, restorePoint, checks, reconciliation } = (result ?? {}) as {
    readonly routed?: number;
    readonly schemaVersion?: number;
    readonly migrations?: readonly { readonly migration: string; readonly durationMs: number }[];
    readonly restorePoint?: { readonly bytes: number };
    readonly checks?: { readonly passed: number };
    readonly reconciliation?: Readonly<
      Record<'replayed' | 'acknowledged' | 'asked', number> & Partial<Record<'cancelled' | 'posted', number>>
    >;
  };
  if (restorePoint !== undefined) return `: ${(restorePoint.bytes / 1e6).toFixed(0)} MB, read back and compared`;
  if (schemaVersion !== undefined) return `: store at schema ${schemaVersion}${timesText(migrations)}`;
  if (routed !== undefined) {
    const tenants = `${routed} ${routed === 1 ? 'tenant' : 'tenants'}`;
    const did = doneFor(step);
    return did === undefined ? `: ${tenants} moved` : `: ${did} ${tenants}`;
  }
  if (checks !== undefined) return `: ${checks.passed} ${checks.passed === 1 ? 'check' : 'checks'} passed`;
  if (reconciliation === undefined) return '';
  const { replayed, acknowledged, cancelled = 0, posted = 0, asked } = reconciliation;
  const rare = [
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(posted > 0 ? [`of ${posted} the difference posted`] : []),
  ];
  return `: ${[`${replayed} replayed`, `${acknowledged} acknowledged`, ...rare].join(', ')}, ${asked} put before a person`;
}

/** `; 004 1.2 s, 005 80 ms`: what the migrations took that took longest. */
function timesText(migrations: readonly { readonly migration: string; readonly durationMs: number }[] = []): string {
  const longest = migrations.toSorted((a, b) => b.durationMs - a.durationMs);
  const told = longest.slice(0, 3).map(({ migration, durationMs }) => `${migration} ${seconds(durationMs)}`);
  const more = longest.length > told.length ? ` and ${longest.length - told.length} more` : '';
  return told.length === 0 ? '' : `; ${told.join(', ')}${more}`;
}

const seconds = (ms: number): string => (ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`);

/** Kinds of streams that only keep Headgate's own books. */
const BOOKS = ['delivery', 'notifier', 'request', 'installation'];

function otherWords(type: string, stream: string, data: Data): string | undefined {
  const [kind = ''] = type.split('.');
  if (BOOKS.includes(kind) || type === 'cell.observed' || type === 'cell.changed') return undefined;
  switch (type) {
    case 'freeze.declared': {
      const to = data.to as number;
      const end = to > FAR ? 'until it is lifted' : `until ${instant(to)}`;
      return `FROZEN: ${scopeText(text(data.scope))}, ${end}${because(data.reason)}; out: ${liftCommand({ name: text(data.name), scope: text(data.scope) })}`;
    }
    case 'freeze.lifted':
      return `freeze ${text(data.name)} lifted: ${scopeText(text(data.scope))}${because(data.reason)}`;
    case 'hypercare.alarmed':
      return `the watch over ${stream.slice('hypercare/'.length)} ALARMS${because(data.why)}`;
    case 'undone.recorded':
      return `had ended, and was TAKEN BACK in cell ${text(data.cell)}${because(data.because)}`;
    case 'hypercare.begun':
      return `the watch over ${stream.slice('hypercare/'.length)} begins`;
    case 'document.applied':
      return `${text(data.kind)} ${text(data.name)} ${text(data.change) || 'applied'}`;
    case 'release.registered':
      return `release ${text(data.application)} ${text(data.version)} registered`;
    default:
      return plainWords(type, data);
  }
}

/** A freeze without an end of its own has one that nobody lives to see. */
const FAR = Date.UTC(3000, 0);

/** `cell.answered` → `cell answered: as-seen: looked`. */
function plainWords(type: string, data: Data): string {
  const told = ['id', 'name', 'version', 'scope', 'answer', 'result', 'stage', 'reason', 'because', 'question', 'why']
    .map((name) => text(data[name]))
    .filter((each) => each !== '');
  return [type.replace(/[.-]/g, ' '), ...told].join(': ');
}
