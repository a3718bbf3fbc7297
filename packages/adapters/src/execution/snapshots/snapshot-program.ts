/** What is asked of the program that takes snapshots, and what it answers: JSON in, JSON out, bounded. */
import { join } from 'node:path';
import { type Answer, denied, granted } from '@headgate/execution';
import { z } from 'zod';
import { endLeftovers, runBounded } from '../program-run/index.ts';
import type { SnapshotConfig } from './snapshot-config.ts';

/** By which it knows a snapshot: printed in lists, and given back to it. */
const snapshot = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'a name of printable characters without a space, at most 200');

const ANSWERS = {
  /** One is there, and can be relied on from now on. */
  take: z.object({ snapshot, bytes: z.int().min(0).optional() }),
  /** It lies in the folder that was named. */
  'lay-out': z.object({}),
  /** Which of those that were named are there and whole, as far as it knows. */
  look: z.object({ snapshots: z.array(snapshot).max(10_000) }),
  /** It isn't there any more. */
  remove: z.object({}),
} as const;
export type Verb = keyof typeof ANSWERS;
export type Said<V extends Verb> = z.output<(typeof ANSWERS)[V]>;

/** Of an answer. */
const MOST_BYTES = 1024 * 1024;
const MOST_CHARACTERS = 300;
/** Its exit code for what may pass: somebody else is at work, or what it asks doesn't answer. */
const LATER = 75;
const GRACE_MS = 5_000;

export interface Asked {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** One store's program. */
export class SnapshotProgram {
  private readonly config: SnapshotConfig;
  private readonly dir: string;

  /** `dir`: our folder, in which it works. */
  constructor(config: SnapshotConfig, dir: string) {
    this.config = config;
    this.dir = dir;
  }

  async ask<V extends Verb>(verb: V, question: object, { deadlineMs, signal }: Asked): Promise<Answer<Said<V>>> {
    signal.throwIfAborted();
    const ran = await runBounded({
      command: [...this.config.command, verb],
      environment: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      workDir: join(this.dir, verb),
      user: undefined,
      deadlineMs: Math.min(deadlineMs, this.config.timeoutMs),
      ...{ graceMs: GRACE_MS, signal, yields: false, secrets: [], wholeBytes: MOST_BYTES },
      input: `${JSON.stringify({ v: 1, ...question })}\n`,
    });
    signal.throwIfAborted();
    const name = `the snapshots’ program (${verb})`;
    if (ran.ended === 'deadline') return denied('transient', `${name} did not come to its end in time`);
    if (ran.ended === 'too-much') return denied('rejected', `${name} answered more than ${MOST_BYTES} bytes`);
    const said = jsonIn(ran.whole?.toString('utf8') ?? '');
    if (ran.exitCode !== 0) {
      const how = ran.exitCode === undefined ? 'it was ended from outside' : `exit code ${ran.exitCode}`;
      return denied(ran.exitCode === LATER ? 'transient' : 'rejected', `${name}: ${whyIn(said)} (${how})`);
    }
    const answer = ANSWERS[verb].safeParse(said);
    if (!answer.success)
      return denied(
        'rejected',
        `${name} answered what it wasn’t asked: ${plain(answer.error.issues[0]?.message ?? '')}`,
      );
    return granted(answer.data as Said<V>);
  }

  /** Ends what a killed agent's left at work. */
  async endLeftovers(): Promise<void> {
    for (const verb of Object.keys(ANSWERS)) await endLeftovers(join(this.dir, verb));
  }
}

/** It says why by an answer of its own: what else it printed is for whoever keeps it. */
function whyIn(said: unknown): string {
  const told = z.object({ why: z.string() }).safeParse(said);
  return told.success ? plain(told.data.why) : 'it doesn’t say why';
}

function plain(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, MOST_CHARACTERS)
    .trim();
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
