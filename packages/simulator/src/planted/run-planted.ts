/** Takes away one protection of the shipped code after the other, each in a process of its own, and sees it noticed. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Violation } from '../history/recorded.ts';
import { PLANTS, type Plant } from './plants.ts';

/** Promotions in which a missing protection must have shown. */
const MOST_PROMOTIONS = 4_000;
const HOOK = new URL('./load-hook.ts', import.meta.url).href;
const HUNT = fileURLToPath(new URL('./hunt.ts', import.meta.url));

export interface Hunted {
  readonly plant: string;
  /** The invariant that noticed, or why none did. */
  readonly noticed: Violation['invariant'] | undefined;
  readonly promotions: number;
  readonly why: string;
}

export async function hunt(plants: readonly Plant[], seed: number, onHunted?: (h: Hunted) => void): Promise<Hunted[]> {
  const hunted: Hunted[] = [];
  const left = [...plants];
  const worker = async (): Promise<void> => {
    for (let plant = left.shift(); plant !== undefined; plant = left.shift()) {
      const result = await huntOne(plant, seed);
      hunted.push(result);
      onHunted?.(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
  return hunted;
}

function huntOne(plant: Plant, seed: number): Promise<Hunted> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', HOOK, HUNT, String(seed), String(MOST_PROMOTIONS)], {
      env: { ...process.env, HEADGATE_PLANT: plant.name },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.on('error', reject);
    child.on('close', () => {
      const last = out.trimEnd().split('\n').at(-1) ?? '';
      if (!last.startsWith('{')) {
        const why = /Error: (.*)/.exec(err)?.[1] ?? 'the hunt ended without an answer';
        resolve({ plant: plant.name, noticed: undefined, promotions: 0, why });
        return;
      }
      const answer = JSON.parse(last) as { promotions: number; violation: Violation | null };
      resolve({
        plant: plant.name,
        noticed: answer.violation?.invariant,
        promotions: answer.promotions,
        why: answer.violation?.why ?? 'nothing noticed it',
      });
    });
  });
}

/** `npm run sim -- --planted`: a table, and exit code 1 when a removal went unnoticed. */
export async function runPlanted({ seed, json }: { readonly seed: number; readonly json: boolean }): Promise<number> {
  const row = ({ plant, noticed, promotions, why }: Hunted): string =>
    `${plant.padEnd(28)} ${(noticed ?? 'UNNOTICED').padEnd(22)} ${String(promotions).padStart(6)}  ${why}`;
  if (!json) console.log(`${'plant'.padEnd(28)} ${'noticed by'.padEnd(22)} ${'after'.padStart(6)}  because`);
  const hunted = await hunt(PLANTS, seed, json ? undefined : (h) => console.log(row(h)));
  const unnoticed = hunted.filter((h) => h.noticed === undefined);
  if (json) {
    const plants = Object.fromEntries(
      hunted.map((h) => [h.plant, { noticed: h.noticed ?? null, promotions: h.promotions }]),
    );
    console.log(JSON.stringify({ planted: hunted.length, unnoticed: unnoticed.map((h) => h.plant), seed, plants }));
  } else {
    console.log(`${hunted.length - unnoticed.length} of ${hunted.length} missing protections were noticed`);
  }
  return unnoticed.length > 0 ? 1 : 0;
}
