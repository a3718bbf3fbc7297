/** Shares the work among processes: each takes every K-th promotion, so that all together live through the same ones. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Options } from './options.ts';
import type { Summary } from './summary.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

export interface ShardAnswer {
  readonly summary: Summary | undefined;
  /** What the shard said before its figures: a violation and its history. */
  readonly said: string;
  readonly code: number | null;
}

export function runShards(options: Options): Promise<readonly ShardAnswer[]> {
  const { shards, seed, faults, from } = options;
  return Promise.all(
    Array.from({ length: shards }, (_, i) => {
      const share = (all: number): string => String(Math.ceil(all / shards));
      const args = ['--seed', String(seed), '--faults', String(faults), '--from', String(from + i)];
      args.push('--stride', String(shards), '--json');
      args.push('--promotions', share(options.promotions), '--events', share(options.events));
      return runShard(args);
    }),
  );
}

function runShard(args: readonly string[]): Promise<ShardAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const lines = out.trimEnd().split('\n');
      const last = lines.pop() ?? '';
      const summary = last.startsWith('{') ? (JSON.parse(last) as Summary) : undefined;
      resolve({ summary, said: lines.join('\n'), code });
    });
  });
}
