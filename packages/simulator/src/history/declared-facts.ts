/**
 * What the log says about releases, documents, freezes and people: the facts that gates judge, folded by the checker
 * itself, and judged by its own few lines rather than by the shipped gates.
 */
import type { CalendarSpec, Digest, Freeze, Instant, Plan, Role } from '@headgate/domain';
import { windowFact } from '@headgate/domain/calendars/evaluate';
import type { PlanIndex } from './plan-index.ts';
import type { HistoryDocuments, Recorded, Report } from './recorded.ts';

/** Windows are cached by the object's identity, so one object for one document. */
const named = new WeakMap<object, CalendarSpec>();

interface ReleaseFacts {
  signed: boolean;
  readonly results: { passed: number; failed: number; exitCode: number }[];
  readonly rehearsals: { ok: boolean; at: Instant; longestStallMs?: number }[];
  readonly rollbackRehearsals: { environment: string; ok: boolean; at: Instant }[];
  readonly analyses: { errors: number; at: Instant }[];
  readonly promoted: { environment: string; promotedAt: Instant; until?: Instant }[];
}

/** Stands for a rehearsal that there never was. */
const NEVER: ReleaseFacts['rehearsals'][number] = { ok: false, at: 0 };

export class DeclaredFacts {
  readonly #documents: HistoryDocuments;
  readonly #releases = new Map<string, ReleaseFacts>();
  readonly #applied = new Map<string, Digest>();
  readonly #freezes = new Map<string, Freeze[]>();
  readonly #roles = new Map<string, readonly Role[]>();

  constructor(documents: HistoryDocuments) {
    this.#documents = documents;
  }

  /** Takes up an entry; false when it is none of these. */
  see(entry: Recorded): boolean {
    // biome-ignore lint/suspicious/noExplicitAny: entries of many kinds, told apart by their type
    const data = entry.data as any;
    switch (entry.type) {
      case 'release.registered':
        this.#release(data.digest as Digest).signed = true;
        return true;
      case 'release.adopted':
        this.#release(data.digest as Digest);
        return true;
      case 'release.evidence-attached':
        if (data.result !== undefined) this.#release(digestIn(entry.stream)).results.push(data.result);
        if (data.rehearsal !== undefined) this.#release(digestIn(entry.stream)).rehearsals.push(data.rehearsal);
        if (data.rollbackRehearsal !== undefined)
          this.#release(digestIn(entry.stream)).rollbackRehearsals.push(data.rollbackRehearsal);
        if (data.analysis !== undefined) this.#release(digestIn(entry.stream)).analyses.push(data.analysis);
        return true;
      case 'release.promoted':
      case 'release.soak-resumed': {
        const { environment, promotedAt } = data;
        const { promoted } = this.#release(digestIn(entry.stream));
        // Promoted once more it goes on as it was.
        if (!promoted.some((p) => p.environment === environment && p.until === undefined))
          promoted.push({ environment, promotedAt });
        return true;
      }
      case 'release.soak-ended':
        for (const there of this.#release(digestIn(entry.stream)).promoted)
          if (there.environment === data.environment) there.until ??= Math.max(there.promotedAt, data.until);
        return true;
      case 'document.applied':
        this.#applied.set(`${data.kind}/${data.name}`, data.digest);
        return true;
      case 'freeze.declared': {
        const { scope, ...freeze } = data as never as Freeze & { scope: string };
        const others = (this.#freezes.get(scope) ?? []).filter((f) => f.name !== freeze.name);
        this.#freezes.set(scope, [...others, freeze]);
        return true;
      }
      case 'freeze.lifted':
        this.#freezes.set(
          data.scope,
          (this.#freezes.get(data.scope) ?? []).filter((f) => f.name !== data.name),
        );
        return true;
      case 'principal.created':
        this.#roles.set(data.id, data.roles);
        return true;
      default:
        return false;
    }
  }

  /** Whether somebody may do what only these roles may; who was never created on this log is not judged. */
  hasRole(by: string, roles: readonly Role[]): boolean {
    const held = this.#roles.get(by);
    return held === undefined || held.some((role) => roles.includes(role));
  }

  signed(digest: Digest): boolean {
    return this.#releases.get(digest)?.signed ?? false;
  }

  /** Whether anything says that this digest exists: registered with a signature, or adopted as it ran. */
  known(digest: Digest): boolean {
    return this.#releases.has(digest);
  }

  /** Checks what stands before whatever changes something, decided at some moment in the `slackMs` up to `at`. */
  checkGates(index: PlanIndex, at: Instant, slackMs: number, report: Report): void {
    const { plan } = index;
    const release = this.#releases.get(plan.release.digest);
    if (index.asksSignature && release?.signed !== true)
      report('after-gates', `release ${plan.release.version} has no verified signature`);
    if (index.minimumTests !== undefined) {
      const results = release?.results ?? [];
      if (results.length === 0) report('data-not-missing', 'no test result of the release is on the log');
      else if (results.some((r) => r.failed > 0 || r.exitCode !== 0)) report('after-gates', 'a test result is red');
      else if (Math.max(...results.map((r) => r.passed)) < index.minimumTests)
        report('after-gates', 'too few tests passed');
    }
    if (index.longestStallMs !== undefined) this.#checkRehearsed(index, index.longestStallMs, report);
    if (index.rollbackRehearsedIn !== undefined) this.#checkRollbackRehearsed(index, index.rollbackRehearsedIn, report);
    if (index.asksAnalysis) this.#checkAnalysed(index, report);
    if (index.soaked !== undefined) {
      const { environment, durationMs } = index.soaked;
      const there = (release?.promoted ?? []).filter((p) => p.environment === environment);
      if (there.length === 0) report('data-not-missing', `the release was not promoted to ${environment}`);
      else if (there.reduce((sum, { promotedAt, until = at }) => sum + until - promotedAt, 0) < durationMs)
        report('after-gates', `the release has not soaked in ${environment}`);
    }
    // A freeze holds whatever the policy asks for.
    this.#checkFreezes(plan, at, at - slackMs, report);
    if (index.asksWindow) this.#checkWindow(plan.environment, at, at - slackMs, report);
  }

  /** A wave opens while one could fail over: at some moment between the decision and its commit. */
  checkStandby({ asksStandby }: PlanIndex, at: Instant, slackMs: number, report: Report): void {
    const spell = asksStandby ? this.#documents.standbySpell?.(at) : undefined;
    if (spell !== undefined && this.#documents.standbySpell?.(at - slackMs) === spell)
      report('after-gates', 'no standby could be failed over to');
  }

  /** A wave opens while both places of moved data agree. */
  checkMoved({ asksMoved }: PlanIndex, at: Instant, slackMs: number, report: Report): void {
    const spell = asksMoved ? this.#documents.moveSpell?.(at) : undefined;
    if (spell !== undefined && this.#documents.moveSpell?.(at - slackMs) === spell)
      report('after-gates', 'both places of moved data differ');
  }

  /** Where the plan migrates, the release's newest rehearsal went well. */
  #checkRehearsed({ plan }: PlanIndex, most: number, report: Report): void {
    if (!migrates(plan)) return;
    const all = this.#releases.get(plan.release.digest)?.rehearsals ?? [];
    const newest = all.reduce((last, each) => (each.at >= last.at ? each : last), all[0] ?? NEVER);
    if (newest === NEVER) report('data-not-missing', 'no rehearsal of the release is on the log');
    else if (!newest.ok) report('after-gates', 'the newest rehearsal did not go well');
    else if ((newest.longestStallMs ?? Number.POSITIVE_INFINITY) > most) report('after-gates', 'others wait too long');
  }

  /** The newest rehearsal of the release's rollback went well there. */
  #checkRollbackRehearsed({ plan }: PlanIndex, environment: string, report: Report): void {
    const all = (this.#releases.get(plan.release.digest)?.rollbackRehearsals ?? []).filter(
      (each) => each.environment === environment,
    );
    const [first] = all;
    const newest = first && all.reduce((last, each) => (each.at >= last.at ? each : last), first);
    if (newest === undefined) report('data-not-missing', 'no rehearsal of the rollback is on the log');
    else if (!newest.ok) report('after-gates', 'the newest rehearsal of the rollback did not go well');
  }

  /** Where the plan migrates, the newest analysis found nothing dangerous. */
  #checkAnalysed({ plan }: PlanIndex, report: Report): void {
    if (!migrates(plan)) return;
    const all = this.#releases.get(plan.release.digest)?.analyses ?? [];
    const [first] = all;
    const newest = first && all.reduce((last, each) => (each.at >= last.at ? each : last), first);
    if (newest === undefined) report('data-not-missing', 'no analysis of the release is on the log');
    else if (newest.errors > 0) report('after-gates', 'the newest analysis found something dangerous');
  }

  #checkFreezes({ environment, application }: Plan, at: Instant, since: Instant, report: Report): void {
    for (const scope of ['all', environment, `application:${application}`]) {
      const freeze = this.#freezes.get(scope)?.find((f) => f.from <= since && at < f.to);
      if (freeze !== undefined) report('inside-window', `freeze ${freeze.name} holds`);
    }
  }

  #checkWindow(environment: string, at: Instant, since: Instant, report: Report): void {
    const declared = this.#documentOf('Environment', environment);
    if (declared === undefined) return;
    for (const name of (declared.spec as { calendars: readonly string[] }).calendars) {
      const calendar = this.#calendar(name);
      if (calendar === undefined) continue;
      if (!windowFact(calendar, at).open && (since === at || !windowFact(calendar, since).open))
        report('inside-window', `calendar ${name} is closed`);
      if (calendar.freezes.some((f) => f.from <= since && at < f.to))
        report('inside-window', `a freeze of calendar ${name} holds`);
    }
  }

  #calendar(name: string): CalendarSpec | undefined {
    const document = this.#documentOf('Calendar', name);
    if (document === undefined) return undefined;
    let spec = named.get(document);
    if (spec === undefined) {
      spec = { ...(document.spec as CalendarSpec), name };
      named.set(document, spec);
    }
    return spec;
  }

  #documentOf(kind: string, name: string): ReturnType<HistoryDocuments['document']> {
    const digest = this.#applied.get(`${kind}/${name}`);
    return digest === undefined ? undefined : this.#documents.document(digest);
  }

  #release(digest: Digest): ReleaseFacts {
    let facts = this.#releases.get(digest);
    if (facts === undefined) {
      facts = { signed: false, results: [], rehearsals: [], rollbackRehearsals: [], analyses: [], promoted: [] };
      this.#releases.set(digest, facts);
    }
    return facts;
  }
}

function migrates({ cells }: Plan): boolean {
  return cells.some(({ steps }) => steps.some(({ action }) => action.kind === 'migrate'));
}

function digestIn(stream: string): Digest {
  return stream.slice(stream.indexOf('/') + 1) as Digest;
}
