/** What a person at the agent's machine may ask: how things stand, what going back would do, and to go back. */
import { digestOfJson } from '@headgate/documents';
import type { Refusal, Scope } from '@headgate/domain';
import type { CarryOutParts } from '../assignments/carry-out.ts';
import type { Alone } from './alone.ts';
import type { Contact } from './contact.ts';
import type { Answer, Behind, RollBackAsk, RolledBack, Shown } from './door.ts';
import { lastIn } from './journal.ts';
import type { JournalFile } from './journal-file.ts';
import type { StandingFile } from './standing.ts';
import { type AgentStatus, type StatusParts, statusOf } from './status.ts';
import { inProgress } from './watch.ts';
import { begunOf, type WayBack, waveOf, wayBackOf, wayBackText } from './way-back.ts';

export interface BehindParts extends StatusParts {
  readonly carry: CarryOutParts;
  readonly alone: Pick<Alone, 'goBack'>;
  readonly contact: Contact;
  readonly standing: StandingFile;
  readonly journal: JournalFile;
  readonly carryOut: Behind['carryOut'];
  readonly takePoint: Behind['takePoint'];
}

export class BehindDoor implements Behind {
  readonly #parts: BehindParts;

  constructor(parts: BehindParts) {
    this.#parts = parts;
  }

  status(): Promise<AgentStatus> {
    return statusOf(this.#parts);
  }

  carryOut(...ask: Parameters<Behind['carryOut']>): ReturnType<Behind['carryOut']> {
    return this.#parts.carryOut(...ask);
  }

  takePoint(...ask: Parameters<Behind['takePoint']>): ReturnType<Behind['takePoint']> {
    return this.#parts.takePoint(...ask);
  }

  async show(ask: { readonly cell?: string }): Promise<Answer<Shown>> {
    const ways = await this.#ways(ask.cell);
    return ways.ok ? { ok: true, value: shownOf(ways.value) } : ways;
  }

  async rollBack(ask: RollBackAsk, progress: (line: string) => void): Promise<Answer<RolledBack>> {
    const ways = await this.#ways(ask.cell);
    if (!ways.ok) return ways;
    if (shownOf(ways.value).seen !== ask.seen)
      return no('changed', '', 'what it would do is not what was shown any more', 'look at it again, and confirm that');
    const { alone } = this.#parts;
    const { by, because } = ask;
    const ended = await Promise.all(
      ways.value.map(({ cell, scope }) => alone.goBack({ cell, scope, by, because }, progress)),
    );
    const standsStill = ended
      .filter(({ phase }) => phase !== 'finished')
      .map(({ cell, why = 'the agent stops' }) => ({ cell, why }));
    return { ok: true, value: { undone: ended.filter((e) => e.phase === 'finished').map((e) => e.cell), standsStill } };
  }

  /** What would be done in which cells, or why nothing may be. */
  async #ways(cell: string | undefined): Promise<Answer<readonly WayBack[]>> {
    const { contact, cells, server } = this.#parts;
    if (contact.awaySince === undefined)
      return no(
        'server-there',
        '',
        `the server ${server} answers, and decides for all cells`,
        'ask it: `headgate rollback PROMOTION --reason "…"`',
      );
    if (cell !== undefined && !cells.some((each) => each.cell === cell))
      return no(
        'unknown-cell',
        cell,
        'this agent has no such cell',
        `name one of ${cells.map((c) => c.cell).join(', ')}`,
      );
    const ways: WayBack[] = [];
    for (const each of cells) {
      if (cell !== undefined && each.cell !== cell) continue;
      const way = await this.#wayOf(each.cell, cell !== undefined);
      if (way.ok && way.value !== undefined) ways.push(way.value);
      else if (!way.ok) return way;
    }
    if (ways.length > 0) return { ok: true, value: ways };
    return no(
      'nothing-begun',
      cell ?? '',
      'no wave is in progress here that could be taken back',
      'see `headgate-agent status --config FILE`; a cell that is done is taken back by its name',
    );
  }

  /** Undefined: there is nothing to take back in the cell, or nobody named it and its part is over. */
  async #wayOf(cell: string, byName: boolean): Promise<Answer<WayBack | undefined>> {
    const { carry, standing, journal } = this.#parts;
    const own = standing.of(cell);
    const begun = begunOf(own, carry.marks.marks);
    if (own === undefined || begun === undefined) return { ok: true, value: undefined };
    const opened = await carry.plans.get(own.last.plan, AbortSignal.timeout(5_000));
    if (!opened.ok) return opened;
    const plan = opened.plan.cells.find((c) => c.cell === cell);
    if (plan === undefined) return { ok: true, value: undefined };
    const before = lastIn(journal.all, cell);
    const mine = before?.rollout === own.last.rollout ? before : undefined;
    if (mine?.phase === 'finished' && (mine.scope.kind === 'all' || mine.scope.kind === 'cell'))
      return byName
        ? no(
            'undone',
            cell,
            `it was undone already, by ${mine.by}`,
            'nothing: the server will hear of it when it is back',
          )
        : { ok: true, value: undefined };
    const busy = inProgress(own, opened.plan, plan, begun, carry) || own.last.course === 'undo' || mine !== undefined;
    if (!byName && !busy) return { ok: true, value: undefined };
    const wave = waveOf(plan, begun);
    const scope: Scope = mine?.scope.kind === 'all' || !byName ? { kind: 'all', wave } : { kind: 'cell', wave, cell };
    return { ok: true, value: wayBackOf(plan, scope, begun) };
  }
}

function shownOf(ways: readonly WayBack[]): Shown {
  const lines = ways.flatMap(wayBackText);
  return { lines, seen: digestOfJson(ways.map(({ cell, scope, begun, steps }) => ({ cell, scope, begun, steps }))) };
}

function no(
  code: string,
  cell: string,
  why: string,
  unblock: string,
): { readonly ok: false; readonly refusal: Refusal } {
  const where = cell === '' ? '' : `cell/${cell}`;
  return { ok: false, refusal: { code, what: 'go back without the server', where, why, unblock } };
}
