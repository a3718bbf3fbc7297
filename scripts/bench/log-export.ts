import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ExportFolder } from '@headgate/cli/log/export-folder';
import {
  CHECKPOINT,
  ExportTiles,
  encodeEntry,
  generateNoteKey,
  noteSigner,
  parseVerifierKey,
  signTreeHead,
  verifyExport,
} from '@headgate/documents';
import { median, rate } from './arithmetic.ts';
import { type Figure, figure } from './figure.ts';
import { inScratch } from './scratch.ts';

const ENTRIES = 300_000;
/** How often the same export is verified: one round says what else the machine did. */
const ROUNDS = 5;
const ORIGIN = 'headgate.example/bench';

/** How fast an export on the disk is verified: every hash, every entry's form, every stream's versions. */
export async function logExportFigure(): Promise<readonly Figure[]> {
  return inScratch(async (dir) => {
    const root = join(dir, 'export');
    await mkdir(root);
    return [figure('log-export-verified', measureVerify(new ExportFolder(root), ENTRIES))];
  });
}

/** Writes an export of so many entries, verifies it, and answers entries a second (median); NaN when it doesn't verify. */
export function measureVerify(folder: ExportFolder, entries: number, sabotage = (_: ExportFolder) => {}): number {
  const pair = generateNoteKey(ORIGIN, 'tree-head');
  const key = parseVerifierKey(pair.verifierKey);
  if (!key.ok) throw new Error(key.why);
  const tiles = new ExportTiles();
  for (let i = 0; i < entries; i++) for (const file of tiles.add(entryAt(i))) folder.write(file);
  for (const file of tiles.edge()) folder.write(file);
  const head = { origin: ORIGIN, size: tiles.size, root: tiles.root() };
  const note = signTreeHead(head, noteSigner(ORIGIN, 'tree-head', pair.privateKeyPem));
  folder.write({ path: CHECKPOINT, bytes: Buffer.from(note) });
  sabotage(folder);
  return median(
    Array.from({ length: ROUNDS }, () => {
      const from = performance.now();
      const verifying = verifyExport(folder, { trust: { origin: ORIGIN, logKeys: [key.key] }, held: [] });
      let step = verifying.next();
      while (step.done !== true) step = verifying.next();
      return step.value.ok ? rate(entries, performance.now() - from) : Number.NaN;
    }),
  );
}

/** As most entries of a rollout are: four of a stream, a few hundred bytes. */
function entryAt(i: number): Buffer {
  const encoded = encodeEntry({
    v: 1,
    stream: `rollout/prm_${Math.floor(i / 4)}.cell`,
    version: (i % 4) + 1,
    type: 'rollout.step-settled',
    at: 1_767_225_600_000 + i,
    by: 'agt_production',
    data: { step: `w1/s${i % 4}`, outcome: 'done', fence: { epoch: 1, n: i }, plan: `sha256:${'ab'.repeat(32)}` },
  });
  if (!encoded.ok) throw new Error(encoded.why);
  return encoded.bytes;
}
