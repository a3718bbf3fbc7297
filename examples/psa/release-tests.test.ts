import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { canonicalBytes } from '@headgate/documents/canonical';
import { readManifest } from '@headgate/documents/trust/manifest';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildRelease, PSA_VERSIONS, psaManifest } from './build.ts';
import { parseTestCounts, testCommand } from './release-tests.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'psa-tests-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each(PSA_VERSIONS)("%s's own tests run, at least 12 of them, and pass", (version) => {
  const report = path.join(dir, `${version}.xml`);
  const [program, ...args] = testCommand(version, report);
  execFileSync(program!, args, { encoding: 'utf8' });
  const counts = parseTestCounts(readFileSync(report, 'utf8'));
  expect(counts).toMatchObject({ failed: 0, skipped: 0 });
  expect(counts.passed).toBeGreaterThanOrEqual(12);
});

test('a cut report has no counts', () => {
  expect(() => parseTestCounts('<testsuites><testcase/>')).toThrow(/does not say/);
});

test('a release is built to the same bytes twice, and its manifest names every one of its files', async () => {
  const { manifest, files } = await psaManifest('1.1.0');
  const built = await buildRelease('1.1.0', dir);
  expect([...built.files.keys()]).toEqual([...files.keys()]);
  const named = [
    ...manifest.components.flatMap((component) => component.files),
    ...manifest.migrations.flatMap(({ up, down }) => (down === undefined ? [up] : [up, down])),
  ];
  expect(named.map((file) => file.digest).sort()).toEqual([...files.keys()].sort());
  for (const file of named) expect(readFileSync(path.join(dir, file.name)).length).toBe(file.size);
});

test('every manifest is one that Headgate accepts', async () => {
  for (const version of PSA_VERSIONS) {
    const { manifest } = await psaManifest(version);
    expect(readManifest(canonicalBytes(manifest))).toMatchObject({ ok: true });
  }
});

test("the release before runs on the schema that each release's migration leaves", async () => {
  const manifests = await Promise.all(PSA_VERSIONS.map(async (version) => (await psaManifest(version)).manifest));
  for (const [index, next] of manifests.entries()) {
    const before = manifests[index - 1];
    const reached = Math.max(...next.migrations.map((migration) => migration.to));
    expect(next.schemaRange.min).toBe(reached);
    if (before !== undefined) expect(before.schemaRange.max).toBe(reached);
  }
});
