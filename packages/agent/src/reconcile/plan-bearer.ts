/**
 * Carries compensation plans out for a person at the agent's machine: in the cell that the agent holds, while no step of a
 * promotion is at work there, under the newest token that the agent acted on. So the store takes it as it would take that
 * step again: nothing older can come after it, and the next step's token is above it. A step that comes ends it, and is
 * waited for as by anything that the agent does of its own.
 */
import { type SigningKey, signReconciled, type Trust } from '@headgate/documents';
import type { Digest, Fence, MendedCounts, ReconciledFacts } from '@headgate/domain';
import { countClasses, lineOf, mendedWords, toldSums } from '@headgate/domain';
import type { Compensated } from '@headgate/execution';
import { busyWords, opened, room } from '../assignments/cell-room.ts';
import type { CellWorker } from '../assignments/cell-worker.ts';
import type { Answer } from '../away/door.ts';
import type { Cell } from '../cells/cell.ts';
import type { AgentConfig } from '../config.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Every } from '../every.ts';
import type { Logger } from '../log.ts';
import type { Marks } from '../marks/marks.ts';
import type { CarriedOut, CarryOutAsk } from './carry-out-ask.ts';
import { type JudgedAsk, judgeAsk, refuseAsk } from './judge-ask.ts';
import type { BegunCompensation, ReconciliationsFile } from './reconciliations-file.ts';
import { tellReconciled } from './tell-reconciled.ts';

export interface PlanBearerParts {
  readonly config: Pick<AgentConfig, 'cells' | 'environments'>;
  readonly trust: Pick<Trust, 'signers'>;
  readonly plane: Pick<ControlPlane, 'recordReconciliation'>;
  readonly file: ReconciliationsFile;
  readonly log: Logger;
  /** The agent's own, for statements of what it carried out. */
  key(): Promise<SigningKey>;
  marks(): Marks;
  worker(cell: string): CellWorker | undefined;
  /** The agent goes back by itself: nothing else is done meanwhile. */
  goesBack(): boolean;
  stepEnded(cell: string): void;
}

type Progress = (line: string) => void;

/** For both looks, what is done between them, and the settling. Milliseconds. */
const WHOLE_MS = 15 * 60_000;
const TELL_EVERY_MS = 15_000;
const NAMED = 20;
const NOTHING: MendedCounts = { replayed: 0, acknowledged: 0, cancelled: 0, posted: 0 };

export class PlanBearer {
  readonly #parts: PlanBearerParts;
  readonly #telling: Every;

  constructor(parts: PlanBearerParts) {
    this.#parts = parts;
    this.#telling = new Every(
      TELL_EVERY_MS,
      async () => void (await tellReconciled(parts.plane, parts.file, parts.log)),
      (error) => parts.log.warn({ why: (error as Error).message }, 'the server can’t be told of a reconciliation'),
    );
  }

  /** Tells the server what it has not heard, until it has. */
  start(): this {
    this.#telling.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.#telling.stop();
  }

  async carryOut(ask: CarryOutAsk, progress: Progress): Promise<Answer<CarriedOut>> {
    const { config, trust, worker, goesBack } = this.#parts;
    const judged = judgeAsk(ask, config, trust, Date.now());
    if (!judged.ok) return judged;
    const { plan } = judged.value;
    const held = worker(plan.cell);
    if (held === undefined || !(await opened(held)))
      return refuseAsk(
        plan,
        'cell-closed',
        'the agent could not open the cell yet',
        'see `headgate-agent status --config FILE`, and its log',
      );
    await room(held);
    // With nothing between this and the beginning: it ends what it finds there, and only that.
    if (goesBack())
      return refuseAsk(
        plan,
        'cell-busy',
        'the agent goes back by itself, the server being away',
        'wait until `headgate-agent status --config FILE` says that it is done',
      );
    let over: AbortSignal | undefined;
    const working = held.aside((cell, signal) => {
      over = signal;
      return this.#inCell(judged.value, ask, cell, signal, progress);
    });
    if (working === undefined) return busy(judged.value, held);
    try {
      return await working;
    } catch (error) {
      if (over?.aborted !== true) throw error;
      return refuseAsk(
        plan,
        'interrupted',
        `it was interrupted (${(over.reason as Error).message}); what was done by then is done`,
        'run it again: it goes on, and does nothing twice',
      );
    }
  }

  async #inCell(
    judged: JudgedAsk,
    ask: CarryOutAsk,
    cell: Cell,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<Answer<CarriedOut>> {
    const { plan, digest, document, approvals } = judged;
    const { file, log, marks, stepEnded } = this.#parts;
    const by = ask.by ?? ask.user;
    const until = performance.now() + WHOLE_MS;
    let begun: BegunCompensation | undefined;
    let did: MendedCounts | undefined;
    progress('Looks at both sides, twice …');
    const outcome = await cell
      .compensate(
        {
          approved: plan,
          document,
          begins: async (before, { covered, gone }) => {
            // On disk before anything is changed: whoever comes after a kill knows the sums of before.
            begun = await file.begins(digest, toldSums(before.sums), Date.now());
            did = begun.did;
            log.warn({ cell: cell.name, plan: digest, by, covered: covered.length }, 'carries out a compensation plan');
            progress(
              `${covered.length} of the plan’s ${plan.lines.length} transactions are still so and for a rule to do${gone.length > 0 ? `, ${gone.length} are settled already` : ''} …`,
            );
          },
          did: async (done) => {
            did = await file.did(digest, done);
          },
        },
        {
          cell: cell.name,
          fence: newestToken(marks(), cell.name),
          remainingMs: () => (signal.aborted ? 0 : until - performance.now()),
          signal,
        },
      )
      .catch((error: Error) => {
        const words = mendedWords(did ?? NOTHING);
        if (words.length === 0 || signal.aborted) throw error;
        const why = `of this plan ${words.join(', ')} already, and then both sides couldn’t be compared: ${error.message}`;
        return { ok: false, code: 'not-compared', why } as const;
      });
    if (!outcome.ok) return refuseAsk(plan, outcome.code, outcome.why, unblockOf(outcome.code));
    stepEnded(cell.name);
    const of = { plan, digest, tenants: this.#tenantsOf(plan), done: did ?? NOTHING };
    const facts = factsOf(of, outcome.value, begun!, by, approvals);
    const statement = await this.#signed(facts);
    await file.ended(digest, statement);
    log.warn({ ...facts, before: undefined, after: undefined }, 'a compensation plan was carried out');
    const told = (await tellReconciled(this.#parts.plane, file, log).catch(() => undefined)) ?? null;
    return { ok: true, value: { facts, statement, told, leftAlone: leftAlone(outcome.value) } };
  }

  /** How many tenants live in a plan's store. */
  #tenantsOf({ cell, environment, store }: JudgedAsk['plan']): number {
    const of = this.#parts.config.cells.find((each) => each.cell === cell && each.environment === environment);
    return Object.values(of?.tenants ?? {}).filter((tenant) => tenant.store === store).length;
  }

  async #signed(facts: ReconciledFacts): Promise<Readonly<Record<string, unknown>>> {
    // As JSON says it: what the server hashes is what was signed.
    return JSON.parse(JSON.stringify(signReconciled(facts, await this.#parts.key())));
  }
}

function unblockOf(code: string): string {
  if (code === 'fenced') return 'another agent acted in this store: find out which, and carry it out there';
  return code === 'not-compared'
    ? 'once both can be read, run it again: it does nothing twice, and signs the statement of what was done'
    : 'nothing was changed; run it again, or correct the document and have a new plan approved';
}

function factsOf(
  {
    plan,
    digest,
    tenants,
    done,
  }: Pick<JudgedAsk, 'plan'> & {
    readonly digest: Digest;
    readonly tenants: number;
    readonly done: MendedCounts;
  },
  { covered, after, agrees }: Compensated,
  { startedAt, begun, before }: BegunCompensation,
  by: string,
  approvals: JudgedAsk['approvals'],
): ReconciledFacts {
  const { environment, cell, store, reconciliation, document, risk, lines } = plan;
  const { replayed, acknowledged, cancelled, posted } = done;
  const looked = new Set(plan.among).size;
  return {
    ...{ environment, cell, store, reconciliation, document, plan: digest, risk: risk.level, by },
    approvals: approvals.map((each) => ({ by: each.by, digest: each.digest })),
    ...{ startedAt, at: Math.max(startedAt, Date.now()), begun },
    done: { replayed, acknowledged, cancelled, posted },
    lines: {
      planned: lines.length,
      covered: covered.covered.length,
      gone: covered.gone.length,
      leftAlone: covered.changed.length + covered.fresh.length,
      asked: covered.asked.length,
    },
    // Nobody may take what was seen of some for what is so of all.
    ...(looked < tenants && { some: { tenants: looked, of: tenants } }),
    compared: after.compared,
    classes: countClasses(after.lasting.map(lineOf).map((line) => line.class)),
    ...{ before, after: toldSums(after.sums), agrees },
  };
}

function leftAlone({ covered: { changed, fresh } }: Compensated): readonly string[] {
  const words = [
    ...changed.map(({ tenant, key, why }) => `${tenant} ${key}: it is otherwise than was approved, ${why}`),
    ...fresh.map(({ tenant, key, why }) => `${tenant} ${key}: it came since the plan was approved, ${why}`),
  ];
  const more = words.length - NAMED;
  return [...words.slice(0, NAMED).map((line) => line.slice(0, 300)), ...(more > 0 ? [`and ${more} more`] : [])];
}

function busy({ plan }: JudgedAsk, held: CellWorker): Answer<never> {
  return refuseAsk(
    plan,
    'cell-busy',
    busyWords(held),
    'run it again then; nothing was changed (`headgate-agent status --config FILE` says what is at work)',
  );
}

/** The newest token that was acted on in a cell: what its targets have seen, and no more. */
function newestToken({ cells, epoch }: Marks, cell: string): Fence {
  return (Object.hasOwn(cells, cell) ? cells[cell] : undefined) ?? { epoch, n: 0 };
}
