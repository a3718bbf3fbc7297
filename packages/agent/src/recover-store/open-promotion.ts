/**
 * A promotion that takes the cell along and hasn't ended, also where it rests: between two waves, before an approval, behind a question.
 * Its next step would meet a store of another moment than it was planned for. The server knows; where it can't be asked, the agent
 * knows what it carried out last, and a person has to say that this has ended.
 */
import { readSecret } from '@headgate/adapters/machine/durable-file';
import { createClient, type Promotion } from '@headgate/contract';
import { BlobCache } from '../artifacts/blob-cache.ts';
import { Plans } from '../artifacts/plans.ts';
import { StandingFile } from '../away/standing.ts';
import { OVER_MS } from '../away/watch.ts';
import { begunOf } from '../away/way-back.ts';
import type { AgentConfig } from '../config.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { MarksFile } from '../marks/marks-file.ts';

export interface OpenAsk {
  readonly config: Pick<AgentConfig, 'server' | 'tokenFile' | 'dataDir'>;
  readonly cell: string;
  readonly environment: string;
  /** The promotion that a person says has ended, for where the server can't be asked. */
  readonly ended: string | undefined;
  readonly now: number;
  readonly signal: AbortSignal;
}

/** Why the store may not be put back now, with what would unblock it; undefined: no promotion is open there. */
export async function openPromotionIn(ask: OpenAsk): Promise<string | undefined> {
  const { config, cell, environment, signal } = ask;
  let open: readonly Promotion[];
  try {
    const token = await readSecret(config.tokenFile);
    const plane = new ControlPlane(createClient({ baseUrl: config.server, token }));
    open = await plane.openPromotions(environment, cell, signal);
  } catch (error) {
    signal.throwIfAborted();
    return maybeOpen(ask, (error as Error).message);
  }
  const [first] = open;
  return first === undefined ? undefined : openWords(first, cell);
}

function openWords({ id, release, phase, wave, waves }: Promotion, cell: string): string {
  const stands = phase === 'awaiting' || waves <= 1 ? phase : `${phase}, wave ${wave} of ${waves}`;
  return `the promotion ${id} (${release.version}) is open, ${stands}, and takes the cell ${cell} along: its next step would meet a store of another moment than it was planned for. ${unblock(id, phase)}`;
}

function unblock(id: string, phase: Promotion['phase']): string {
  if (phase === 'awaiting') return `Take it away first: headgate reject ${id} --reason "…"`;
  if (phase === 'held')
    return `Answer it first: headgate keep ${id}, where it stays as it is, or headgate rollback ${id} --reason "…"`;
  return `Let it come to its end with the agent running, or go back first: headgate rollback ${id} --reason "…"`;
}

/** By what the agent wrote down: all of its steps here may have been done, and more of it stand open elsewhere. */
async function maybeOpen({ config, cell, ended, now, signal }: OpenAsk, unasked: string): Promise<string | undefined> {
  const { marks } = await MarksFile.open(config.dataDir);
  const standing = (await StandingFile.open(config.dataDir)).of(cell);
  if (standing === undefined || begunOf(standing, marks) === undefined) return undefined;
  const { promotion, plan: digest, step } = standing.last;
  if (promotion === ended) return undefined;
  const plans = new Plans(await BlobCache.open(config.dataDir, async () => undefined));
  const read = await plans.get(digest, signal).catch(() => undefined);
  if (read?.ok === true && now > read.plan.latestFinish + OVER_MS) return undefined;
  return `the promotion ${promotion} may be open, of which this agent carried out the step ${step} last in the cell ${cell}, and the server can’t be asked: ${unasked}. Make the server reachable, or, where somebody has seen that it ended, say so: --ended ${promotion}`;
}
