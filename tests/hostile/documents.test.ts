/**
 * Hostile documents: every field of everything that people write or hand over, in every class of mutation, through the
 * reader that it meets. What is refused names its place; what is taken is a text of somebody's, and taken as it is.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Walked } from './documents-main.ts';
import { SEED } from './generate/sample.ts';

/** Seconds on a quiet machine; a busy one is no reason to fail. Milliseconds. */
const PATIENCE_MS = 600_000;

test(
  'no field of any document, in no class of mutation, breaks its reader or is refused without its place',
  async () => {
    const main = join(import.meta.dirname, 'documents-main.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [main], { maxBuffer: 64 * 1024 * 1024 });
    const { table, fields, cases, wrong, holes } = JSON.parse(stdout) as Walked;
    process.stdout.write(`\n${table}\n${fields} fields, ${cases} documents, seed ${SEED}\n`);
    expect(wrong.slice(0, 30)).toEqual([]);
    expect(holes).toEqual([]);
    expect(fields).toBeGreaterThan(500);
  },
  PATIENCE_MS,
);
