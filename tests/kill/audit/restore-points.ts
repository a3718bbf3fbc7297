import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BroughtUpCell } from '../../../examples/psa/bring-up/cell.ts';

/** Restore points on the disk: one for each step that took one, whole, and nothing half made beside them. */
export async function restorePointFindings(
  cells: readonly Pick<BroughtUpCell, 'config'>[],
): Promise<readonly string[]> {
  const findings: string[] = [];
  for (const { config } of cells) {
    for (const [store, { restorePointsDir }] of Object.entries(config.stores)) {
      const taken = new Map<string, number>();
      // Nothing was ever taken: there is no folder yet.
      const there = await readdir(restorePointsDir, { withFileTypes: true }).catch(() => []);
      for (const entry of there) {
        if (!entry.isDirectory()) continue;
        const text = await readFile(join(restorePointsDir, entry.name, 'manifest.json'), 'utf8').catch(() => undefined);
        if (text === undefined || entry.name.endsWith('.partial')) {
          findings.push(`${store}: ${entry.name} is half made`);
          continue;
        }
        const { rollout, step } = JSON.parse(text) as { rollout: string; step: string };
        taken.set(`${rollout}/${step}`, (taken.get(`${rollout}/${step}`) ?? 0) + 1);
      }
      for (const [key, times] of taken) if (times > 1) findings.push(`${store}: ${times} restore points of ${key}`);
    }
  }
  return findings;
}
