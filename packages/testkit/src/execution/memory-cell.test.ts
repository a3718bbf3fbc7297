import { MemoryCell } from './memory-cell.ts';
import { migratorSuite } from './migrator-suite.ts';
import { restorePointsSuite } from './restore-points-suite.ts';
import { digestFor, manifestOf } from './step-context.ts';
import { targetSuite } from './target-suite.ts';
import { trafficSuite } from './traffic-suite.ts';

const releaseOf = (version: string) => ({
  ref: { digest: digestFor(version), version },
  manifest: manifestOf(version),
  blob: async () => new Uint8Array(),
});

targetSuite('the cell in memory', async () => ({
  target: new MemoryCell().target,
  slot: 'blue',
  releases: [releaseOf('1.0.0'), releaseOf('1.1.0')],
}));
trafficSuite('the cell in memory', async () => ({
  traffic: new MemoryCell().traffic,
  tenants: ['acme', 'globex'],
  slots: ['blue', 'green'],
}));
migratorSuite('the cell in memory', async () => ({
  migrator: new MemoryCell().migrator,
  store: 'main',
  up: ['one', 'two'],
  down: 'back',
}));
restorePointsSuite('the cell in memory', async () => {
  const cell = new MemoryCell();
  return {
    restorePoints: cell.restorePoints,
    store: 'main',
    write: async (mark) => void cell.marks.push(mark),
    marks: async () => cell.marks,
    spoil: async (id) => void cell.spoiled.add(id),
    spoilManifest: async (id) => void cell.unreadable.set(id, { id, rollout: 'r1', why: 'spoiled' }),
  };
});
