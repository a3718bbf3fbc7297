import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PLANTS, plantNamed, rewrite } from './plants.ts';
import { hunt } from './run-planted.ts';

const PACKAGES = new URL('../../../', import.meta.url);

test.each(PLANTS.map((p) => [p.name, p] as const))('%s has its target text, once', (_name, plant) => {
  const source = readFileSync(new URL(plant.file, PACKAGES), 'utf8');
  expect(rewrite(plant, source)).not.toBe(source);
});

test('a plant whose target text is gone fails', () => {
  expect(() => rewrite(plantNamed('version-fence'), 'const nothing = 0;')).toThrow(/stands 0 times/);
});

test('every missing protection is noticed', { timeout: 600_000 }, async () => {
  const hunted = await hunt(PLANTS, 1);
  expect(hunted.filter((h) => h.noticed === undefined)).toEqual([]);
  expect(hunted.length).toBeGreaterThanOrEqual(20);
});
