import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExportFolder } from '@headgate/cli/log/export-folder';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { measureVerify } from './log-export.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'headgate-bench-export-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('an export that verifies has a rate', () => {
  expect(measureVerify(new ExportFolder(root), 600)).toBeGreaterThan(0);
});

test('an export with one byte changed has none, however fast it was refused', () => {
  const flip = (folder: ExportFolder) => {
    const path = 'tile/entries/001';
    const bytes = readFileSync(join(root, path));
    bytes[5_000] = (bytes[5_000] as number) ^ 1;
    folder.write({ path, bytes });
  };
  expect(measureVerify(new ExportFolder(root), 600, flip)).toBeNaN();
});
