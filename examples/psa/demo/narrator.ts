import type { LogEvent } from '@headgate/contract';
import { classesText, type PromotionEvent, type RolloutEvent } from '@headgate/domain';

type Known = PromotionEvent | RolloutEvent;

/**
 * Tells the log's entries as they come, one line each, in the words of the field. Entries that say nothing to a person who
 * watches (offers, leases, observations) are left out.
 */
export class Narrator {
  readonly #begun = performance.now();
  readonly #write: (line: string) => void;
  readonly #colour: boolean;
  readonly #leasedAt = new Map<string, number>();
  readonly #names = new Map<string, string>();
  #held: string[] | undefined;

  constructor(write: (line: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  /** A line of our own, with the time since the start. */
  say(line: string, tone: 'plain' | 'good' | 'bad' | 'bold' = 'plain'): void {
    const seconds = ((performance.now() - this.#begun) / 1000).toFixed(1).padStart(6);
    const text = `${this.#paint('dim', `${seconds}s`)}  ${this.#paint(tone, line)}`;
    if (this.#held === undefined) this.#write(text);
    else this.#held.push(text);
  }

  /** Keeps lines back while a person is asked something, so that the question stands alone. */
  async quietly<T>(ask: () => Promise<T>): Promise<T> {
    this.#held ??= [];
    try {
      return await ask();
    } finally {
      for (const line of this.#held) this.#write(line);
      this.#held = undefined;
    }
  }

  /** Says what a promotion is called from here on. */
  call(promotion: string, version: string, environment: string): void {
    this.#names.set(promotion, `${version} → ${environment}`);
  }

  tell(entry: LogEvent): void {
    const event = { type: entry.type, data: entry.data } as unknown as Known;
    if (event.type === 'rollout.leased') this.#leasedAt.set(entry.stream, entry.at);
    const told = this.#line(entry, event);
    if (told !== undefined) this.say(told.line, told.tone);
  }

  #line(entry: LogEvent, event: Known): { line: string; tone: 'plain' | 'good' | 'bad' | 'bold' } | undefined {
    const id = entry.stream.slice(entry.stream.indexOf('/') + 1);
    const promotion = id.split('.')[0] ?? id;
    const cell = id.slice(promotion.length + 1);
    const name = this.#names.get(promotion) ?? promotion;
    const took = (): string => {
      const from = this.#leasedAt.get(entry.stream);
      return from === undefined ? '' : ` (${((entry.at - from) / 1000).toFixed(1)} s)`;
    };
    const plain = (line: string) => ({ line, tone: 'plain' }) as const;
    switch (event.type) {
      case 'promotion.requested': {
        const { release, environment, requester } = event.data;
        this.call(event.data.id, release.version, environment);
        return { line: `${release.version} → ${environment}: asked for by ${requester}`, tone: 'bold' };
      }
      case 'promotion.waiting':
        return event.data.verdicts.length === 0 ? undefined : plain(`${name}: waits: ${event.data.reason}`);
      case 'promotion.approved':
        return plain(`${name}: approved by ${event.data.by} (${event.data.proof})`);
      case 'promotion.wave-opened':
        return plain(`${name}: wave ${event.data.wave} opens`);
      case 'promotion.paused':
        return plain(
          `${name}: PAUSED by ${event.data.by}: ${event.data.reason}; on again with: headgate resume ${promotion}`,
        );
      case 'promotion.resumed':
        return plain(`${name}: resumed by ${event.data.by}`);
      case 'promotion.overtaken':
        return {
          line: `${name}: overtaken by ${event.data.hotfix}, which ${event.data.by} asked for: ${event.data.because}`,
          tone: 'bad',
        };
      case 'promotion.rollback-decided':
        return {
          line: `${name}: ROLLBACK decided for ${scopeText(event.data.scope)}${event.data.by === 'sys' ? '' : ` by ${event.data.by}`}: ${event.data.because}`,
          tone: 'bad',
        };
      case 'promotion.held':
        return { line: `${name}: asks: ${event.data.question}`, tone: 'bad' };
      case 'promotion.ended':
        return {
          line: `${name}: ${event.data.result}: ${event.data.because}`,
          tone: event.data.result === 'promoted' ? 'good' : 'bad',
        };
      case 'rollout.step-done':
        return plain(`  ${cell.padEnd(10)} ${event.data.step} done${took()}${resultText(event.data.result)}`);
      case 'rollout.step-failed':
        return { line: `  ${cell.padEnd(10)} ${event.data.step} FAILED${took()}: ${event.data.why}`, tone: 'bad' };
      case 'rollout.lease-lost':
        return plain(
          `  ${cell.padEnd(10)} ${event.data.step}: the agent lost its lease (${event.data.why}); it is offered again`,
        );
      case 'rollout.asked':
        return { line: `  ${cell.padEnd(10)} asks: ${event.data.question}`, tone: 'bad' };
      case 'rollout.undo-begun':
        return plain(`  ${cell.padEnd(10)} goes back`);
      default:
        return this.#other(entry);
    }
  }

  #other(entry: LogEvent): { line: string; tone: 'plain' } | undefined {
    const data = entry.data as Record<string, string>;
    switch (entry.type) {
      case 'freeze.declared':
        return {
          line: `FROZEN (${data.scope}) by ${data.by}: ${data.reason}; out with: headgate freeze lift ${data.name}`,
          tone: 'plain',
        };
      case 'freeze.lifted':
        return { line: `freeze ${data.name} (${data.scope}) lifted by ${entry.by}: ${data.reason}`, tone: 'plain' };
      case 'cell.adopted':
        return { line: `cell ${entry.stream.slice(5)} adopted as it runs`, tone: 'plain' };
      case 'release.adopted':
        return {
          line: `release ${data.version} registered as the observed baseline, ${short(data.digest)}`,
          tone: 'plain',
        };
      case 'release.registered':
        return { line: `release ${data.version} registered, ${short(data.digest)}, signed`, tone: 'plain' };
      default:
        return undefined;
    }
  }

  #paint(tone: 'plain' | 'good' | 'bad' | 'bold' | 'dim', text: string): string {
    const code = { plain: '', good: '32', bad: '31', bold: '1', dim: '2' }[tone];
    return this.#colour && code !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

type Result = Extract<RolloutEvent, { type: 'rollout.step-done' }>['data']['result'];

function resultText(result: Result): string {
  if (result.restorePoint !== undefined)
    return `: ${(result.restorePoint.bytes / 1e6).toFixed(0)} MB, every file read back and compared`;
  if (result.schemaVersion !== undefined) return `: store at schema ${result.schemaVersion}`;
  if (result.routed !== undefined) return `: ${counted(result.routed, 'tenant')} read back`;
  if (result.checks !== undefined) return `: ${counted(result.checks.passed, 'check')} passed`;
  if (result.reconciliation !== undefined) {
    const { compared, replayed, acknowledged, asked, classes } = result.reconciliation;
    const caught = classesText(classes ?? {});
    return `: ${compared} compared${caught === '' ? '' : ` (${caught})`}, ${replayed} posted again, ${acknowledged} acknowledged, ${asked} for a person`;
  }
  return '';
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function scopeText(scope: { kind: string; cell?: string; wave: number }): string {
  switch (scope.kind) {
    case 'cell':
      return `all that moved in cell ${scope.cell}`;
    case 'ring':
      return `the ring of wave ${scope.wave}`;
    case 'tenant':
      return 'the tenants that failed';
    default:
      return 'everything that moved';
  }
}

function short(digest: string | undefined): string {
  return digest?.slice(0, 19) ?? '';
}
