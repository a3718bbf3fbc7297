/** For tests only: a signed statement that a small company's release was rehearsed on a copy of staging's store, and went well. */
import type { Client } from '@headgate/contract';
import { digestOf, rehearsalStatement, signStatement } from '@headgate/documents';
import type { RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import type { SmallCompany } from './small-company.ts';

/** It ended a minute ago; `durationMs` is what its one migration took. */
export async function attachRehearsal(
  company: SmallCompany,
  developer: Client,
  release: `sha256:${string}`,
  migration: { readonly id: string; readonly from: number; readonly to: number },
  durationMs: number,
): Promise<void> {
  const { id, from, to } = migration;
  const files = [{ file: 'up.sql', migration: id, durationMs, commitMs: 1, statements: [] }];
  const facts: RehearsalFacts = {
    at: Date.now() - 60_000,
    from: { environment: 'staging', cell: 'stage', store: 'main' },
    copy: { how: 'dump', of: 'shop', takenAt: 1, server: 15, bytes: 1, rows: 1, readyMs: 1 },
    runner: 'headgate',
    schema: { from, to },
    migrations: [{ ...migration, phase: 'expand', undo: 'keep', up: digestOf(company.artifact) }],
    passes: [{ direction: 'forward', durationMs, files, stalls: [], unwatched: [] }],
    comparisons: [],
    plans: { compared: 0, source: 'none', changes: [] },
    missing: [],
  };
  const bundle = signStatement(rehearsalStatement(`shop@${to}.0.0`, release, facts), company.key);
  await developer.call('attachEvidence', { body: { bundle: bundle as unknown as Record<string, unknown> } });
}
