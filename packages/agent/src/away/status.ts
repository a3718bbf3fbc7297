/** What a person needs to know at three in the morning, as data and as lines. */
import { inOneLine } from '@headgate/documents/words/unseen';
import type { CellState } from '@headgate/domain';
import { named } from '@headgate/domain/plan/render-words';
import type { CarryOutParts } from '../assignments/carry-out.ts';
import type { StoreSchedule } from '../schedule/scheduler.ts';
import { scheduleLines } from '../schedule/words.ts';
import type { Contact } from './contact.ts';
import { lastIn, type Undoing } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import type { StandingFile } from './standing.ts';
import { inProgress, type Watch, wentBack } from './watch.ts';
import { begunOf, broughtBack, movedIn, waveOf, wayBackOf, wayBackText } from './way-back.ts';

export interface CellStatus {
  readonly cell: string;
  readonly environment: string;
  readonly open: boolean;
  /** Why it is left alone: a store is half way back in its place. */
  readonly halfWay?: string;
  /** Tenants by the version that serves them, as they were last seen. Absent: nothing was seen yet. */
  readonly serves?: Readonly<Record<string, readonly string[]>>;
  /** Absent: this agent has begun nothing here. */
  readonly work?: {
    readonly promotion: string;
    readonly rollout: string;
    readonly plan: string;
    readonly release: string;
    readonly step: string;
    readonly begun: number;
    readonly steps: number;
    readonly inProgress: boolean;
    /** Who takes it back, or did; absent: nobody that this agent knows of. */
    readonly back?: 'this agent' | 'the server';
    readonly moved: readonly string[];
    readonly held: readonly string[];
    /** What an undo of the cell would do, lose, and stop at; `missing`: why it isn't ready. */
    readonly wayBack: readonly string[];
    readonly missing: readonly string[];
    readonly approvals: readonly string[];
  };
  /** Why nothing can be said of the work. */
  readonly unreadable?: string;
  readonly watch?: { readonly state: string; readonly since: string; readonly why: string };
  /** Restore points and drills by schedule. */
  readonly schedule?: readonly StoreSchedule[];
  readonly undoing?: Pick<Undoing, 'phase' | 'by' | 'because' | 'at' | 'why' | 'told'> & { readonly stepsDone: number };
}

export interface AgentStatus {
  readonly agent: string;
  readonly at: string;
  readonly running: boolean;
  /** `refusal`: it answers, and refuses this agent; why. */
  readonly server: { readonly url: string; readonly awaySince: string | null; readonly refusal?: string };
  readonly cells: readonly CellStatus[];
  /** Statements of reconciliations that were carried out and that the server has not taken; an older agent doesn't say. */
  readonly untold?: number;
  /** The same of what was brought back. */
  readonly untoldRestorations?: number;
  /** Why the server refuses to take them; absent: it doesn't. */
  readonly refusedRestoration?: string;
}

export interface StatusParts {
  readonly name: string;
  readonly server: string;
  readonly running: boolean;
  readonly cells: readonly { readonly cell: string; readonly environment: string }[];
  readonly carry: CarryOutParts;
  readonly standing: StandingFile;
  readonly journal: Pick<JournalFile, 'all'>;
  readonly contact: Pick<Contact, 'awaySince' | 'refusal'>;
  readonly watch: Pick<Watch, 'of'>;
  isOpen(cell: string): boolean;
  /** Why a cell is left alone; undefined: it isn't. */
  halfWay(cell: string): Promise<string | undefined>;
  seen(cell: string): CellState | undefined;
  schedule(cell: string): readonly StoreSchedule[];
  /** So many statements of each kind the server has not taken. */
  untold(): Untold;
  /** Why the undo of a cell isn't ready; empty: it is. */
  missing(cell: string): Promise<readonly string[]>;
}

/** How many statements the server has not taken. */
export interface Untold {
  readonly reconciliations: number;
  readonly restorations: number;
  readonly refusedRestoration?: string | undefined;
}

export async function statusOf(parts: StatusParts): Promise<AgentStatus> {
  const { name: agent, running, server: url, contact } = parts;
  const cells = await Promise.all(parts.cells.map((cell) => cellStatus(parts, cell)));
  const awaySince = contact.awaySince?.toISOString() ?? null;
  const { reconciliations: untold, restorations: untoldRestorations, refusedRestoration } = parts.untold();
  const { refusal } = contact;
  const told = { url, awaySince, ...(refusal !== undefined && { refusal }) };
  const base = { agent, at: new Date().toISOString(), running, server: told, cells, untold, untoldRestorations };
  return { ...base, ...(refusedRestoration !== undefined && { refusedRestoration }) };
}

async function cellStatus(
  parts: StatusParts,
  { cell, environment }: { readonly cell: string; readonly environment: string },
): Promise<CellStatus> {
  const watched = parts.watch.of(cell);
  const standing = parts.standing.of(cell);
  const last = lastIn(parts.journal.all, cell);
  // What was undone of an earlier promotion is history once there is another, and the server knows.
  const undoing = last?.rollout === standing?.last.rollout || last?.told === undefined ? last : undefined;
  const schedule = parts.schedule(cell);
  const halfWay = await parts.halfWay(cell).catch((error: Error) => error.message);
  const base = {
    cell,
    environment,
    open: parts.isOpen(cell),
    ...(halfWay !== undefined && { halfWay }),
    ...servingIn(parts.seen(cell)),
    ...(schedule.length > 0 && { schedule }),
    ...(watched &&
      parts.contact.awaySince &&
      !undoing && { watch: { state: watched.state, since: watched.since.toISOString(), why: watched.why } }),
    ...(undoing && { undoing: shown(undoing) }),
  };
  const begun = begunOf(standing, parts.carry.marks.marks);
  if (standing === undefined || begun === undefined) return base;
  const { promotion, rollout, release, step, approvals, plan: digest, course } = standing.last;
  const opened = await parts.carry.plans.get(digest, AbortSignal.timeout(2_000)).catch((error: Error) => error);
  if (opened instanceof Error) return { ...base, unreadable: opened.message };
  const plan = opened.ok ? opened.plan : undefined;
  const cellPlan = plan?.cells.find((c) => c.cell === cell);
  if (plan === undefined || cellPlan === undefined) return { ...base, unreadable: 'its plan can’t be read here' };
  const way = wayBackOf(cellPlan, { kind: 'cell', wave: waveOf(cellPlan, begun), cell }, begun);
  const { moved, held } = movedIn(cellPlan, begun);
  const gone = undoing?.rollout === rollout ? broughtBack(cellPlan, undoing) : new Set();
  const own = wentBack(undoing, standing);
  const back = own ? 'this agent' : course === 'undo' ? 'the server' : undefined;
  return {
    ...base,
    work: {
      promotion,
      rollout,
      plan: digest,
      release: release.version,
      step,
      begun,
      steps: cellPlan.steps.length,
      inProgress: !own && inProgress(standing, plan, cellPlan, begun, parts.carry),
      ...(back !== undefined && { back }),
      moved: moved.filter((tenant) => !gone.has(tenant)),
      held,
      wayBack: wayBackText(way),
      missing: await parts.missing(cell),
      approvals: approvals.map(({ by, proof }) => `${by} (${proof})`),
    },
  };
}

/** Who is served by what: what a plan took there may have gone again. */
function servingIn(seen: CellState | undefined): Pick<CellStatus, 'serves'> {
  if (seen === undefined) return {};
  const serves = new Map<string, string[]>();
  for (const [tenant, { slot }] of Object.entries(seen.tenants)) {
    const version = seen.slots[slot]?.release?.version ?? 'nothing';
    const others = serves.get(version);
    if (others === undefined) serves.set(version, [tenant]);
    else others.push(tenant);
  }
  return { serves: Object.fromEntries(serves) };
}

function shown({ phase, by, because, at, why, told, done }: Undoing) {
  return { phase, by, because, at, why, told, stepsDone: done.length };
}

/** Exit codes of `status`: what a monitor asks for. */
export const STATUS_EXIT = { well: 0, refused: 1, notRunning: 2, away: 3, failing: 4, standsStill: 5 } as const;

export function exitOf({ running, server, cells, refusedRestoration }: AgentStatus): number {
  if (cells.some(({ undoing }) => undoing?.phase === 'stopped' && undoing.told === undefined))
    return STATUS_EXIT.standsStill;
  if (cells.some(({ halfWay }) => halfWay !== undefined)) return STATUS_EXIT.standsStill;
  if (cells.some(({ watch }) => watch?.state === 'failing')) return STATUS_EXIT.failing;
  if (!running) return STATUS_EXIT.notRunning;
  if (server.awaySince !== null) return STATUS_EXIT.away;
  return refusedRestoration === undefined ? STATUS_EXIT.well : STATUS_EXIT.refused;
}

/** The status as lines for a person. What others say in it takes no line of its own: it could be read for one of ours. */
export function statusText(status: AgentStatus): string {
  const { agent, at, running, server, cells, untold = 0, untoldRestorations = 0, refusedRestoration } = status;
  const lines = [`${agent} at ${at}${running ? '' : ': it does not run; this is what its folder says'}`];
  lines.push(
    server.awaySince === null
      ? `server ${server.url}: ${running ? 'answers' : 'not asked'}`
      : server.refusal !== undefined
        ? `server ${server.url}: answers, and REFUSES this agent since ${server.awaySince} (${ago(server.awaySince, at)}); nothing new is begun, cells are kept, and it doesn't go back by itself: ${inOneLine(server.refusal)}`
        : `server ${server.url}: AWAY since ${server.awaySince} (${ago(server.awaySince, at)}); nothing new is begun, cells are kept`,
  );
  if (untold > 0)
    lines.push(
      `${untold === 1 ? 'a reconciliation was' : `${untold} reconciliations were`} carried out here that the server has not taken; told again until it does`,
    );
  if (untoldRestorations > 0)
    lines.push(
      `${untoldRestorations === 1 ? 'something was' : `${untoldRestorations} times something was`} brought back here that the server has not been told${refusedRestoration === undefined ? '' : `, since it REFUSES that (${inOneLine(refusedRestoration)})`}; told again until it has it`,
    );
  for (const cell of cells) lines.push('', ...cellLines(cell, at));
  return `${lines.join('\n')}\n`;
}

function cellLines(status: CellStatus, at: string): readonly string[] {
  const { cell, environment, open, serves, work, watch, undoing, unreadable } = status;
  const lines = [`cell ${cell} (${environment})${open ? '' : ': not open'}`];
  if (status.halfWay !== undefined) lines.push(`  HALF WAY: ${inOneLine(status.halfWay)}`);
  for (const [version, tenants] of Object.entries(serves ?? {})) lines.push(`  serves ${version} to ${named(tenants)}`);
  if (unreadable !== undefined) lines.push(`  its plan: ${inOneLine(unreadable)}`);
  if (work === undefined) lines.push('  nothing was begun here');
  else {
    lines.push(
      `  ${work.back === undefined ? '' : 'gone back from '}${work.release}, promotion ${work.promotion}: ${work.begun} of ${work.steps} steps begun, last ${work.step}`,
    );
    lines.push(`  plan ${work.plan}, approved by ${work.approvals.join(', ') || 'nobody'}`);
    if (work.back === undefined) {
      lines.push(`  on the release: ${named(work.moved)}${work.held.length > 0 ? `; HELD: ${named(work.held)}` : ''}`);
      lines.push(work.inProgress ? '  a wave is in progress' : '  no wave is in progress that this agent knows of');
    } else lines.push(`  taken back by ${work.back}: nobody is left on it but whom a step at hand still brings back`);
  }
  if (watch !== undefined) {
    const words = {
      sound: 'stop conditions hold',
      failing: 'A STOP CONDITION FAILS',
      'no-data': 'stop conditions can’t be judged',
    };
    const what = words[watch.state as keyof typeof words] ?? watch.state;
    lines.push(
      `  ${what}, since ${watch.since} (${ago(watch.since, at)})${watch.why === '' ? '' : `: ${inOneLine(watch.why)}`}`,
    );
  }
  if (undoing !== undefined) {
    const told = toldText(undoing.told);
    const why = undoing.why === undefined ? '' : `: ${inOneLine(undoing.why)}`;
    lines.push(
      `  going back, by ${undoing.by} (${inOneLine(undoing.because)}): ${undoing.phase}${why}; ${undoing.stepsDone} steps done; ${told}`,
    );
  }
  if (undoing?.phase === 'stopped' && undoing.told === 'late')
    lines.push(
      `  nobody is asked about the rest: headgate promote RELEASE --to ${environment} takes the same release there again, or a later one`,
    );
  else if (work !== undefined && work.back === undefined && undoing?.phase !== 'finished') {
    lines.push(work.missing.length === 0 ? '  undo: ready' : `  undo: NOT READY: ${work.missing.join('; ')}`);
    lines.push(...work.wayBack.slice(1));
  }
  lines.push(...scheduleLines(status.schedule ?? [], Date.parse(at)));
  return lines;
}

/** What the server made of what it was told, in words; an answer that it gives by itself as it gave it. */
function toldText(told: string | undefined): string {
  if (told === undefined) return 'the server has not heard';
  const words: Readonly<Record<string, string>> = {
    'taken-up': 'the server has heard, and goes on from there',
    known: 'the server knew it',
    late: 'the server has heard: its promotion had ended by then',
  };
  return words[told] ?? `the server: ${inOneLine(told)}`;
}

/** How long ago, in the largest unit that tells. */
function ago(since: string, at: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(at) - Date.parse(since)) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
