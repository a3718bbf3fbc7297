/** For tests only: what a rehearsal of an Odoo tenant is given, as a cell with a version that serves, a release and an agent's file. */
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findStore, OdooRestorePoints } from '@headgate/adapters/execution/odoo/index';
import { type OdooCellConfig, parseOdooCellConfig } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { copyOfTenant, rehearseTenant, type TenantCopy } from '@headgate/adapters/execution/odoo/rehearsal/index';
import { materialise } from '@headgate/adapters/execution/process/slot-files';
import { beginSlot, slotDir, writePhase } from '@headgate/adapters/execution/process/slot-record';
import type { Load } from '@headgate/adapters/execution/rehearsal/index';
import { canonicalJson } from '@headgate/documents';
import { digestOfJson } from '@headgate/documents/digest';
import type { Digest } from '@headgate/domain';
import type { RehearsalFacts } from '@headgate/domain/rehearsal/rehearsal';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { BASELINE, type BuiltRelease, odooRelease } from '../build.ts';
import { OWN, verificationIn } from './business.ts';
import { tokensFile } from './serving.ts';
import type { Stand } from './stand.ts';

export const TENANT = 'acme';

export interface Rehearsing {
  readonly workDir: string;
  /** The agent's configuration. */
  readonly agentFile: string;
  /**
   * Rehearses it on a copy of the tenant; what was printed for a person goes to `said`. `heard`: is told of each line as it comes,
   * with the copy that it is about.
   */
  rehearse(
    built: BuiltRelease,
    more?: { readonly underLoad?: Load; readonly heard?: (line: string, copy: TenantCopy) => void },
  ): Promise<{ readonly facts: RehearsalFacts; readonly said: string }>;
  /** A release in a folder, as `headgate rehearse` hands it to the agent. */
  laidOut(built: BuiltRelease): Promise<string>;
}

/** The tenant's cell runs the baseline, and has a restore point of it. */
export async function rehearsing(at: Stand): Promise<Rehearsing> {
  const workDir = join(at.dir, 'rehearsals');
  await mkdir(workDir);
  const ctx = stepContext({ step: 's1', idempotencyKey: 'r1/s1', fence: { epoch: 1, n: 1 } });
  const taken = await new OdooRestorePoints(at.stores, at.door).take(TENANT, ctx);
  if (!taken.ok) throw new Error(taken.why);
  const cell = await cellOf(at);
  const baseline = await odooRelease(BASELINE);
  await serves(cell, baseline);
  const cellFile = join(at.dir, 'cell.json');
  await writeFile(cellFile, JSON.stringify(cell), { mode: 0o600 });
  const agentFile = join(at.dir, 'agent.yaml');
  await writeFile(
    agentFile,
    `version: 1\nserver: http://127.0.0.1:1\nname: a\ntokenFile: ${at.dir}/t\ndataDir: ${at.dir}/d\ntrustFile: ${at.dir}/trust.yaml\nenvironments: [{name: production}]\ncellFiles: [${cellFile}]\n`,
  );
  const content = await verificationIn(OWN);
  return {
    workDir,
    agentFile,
    async rehearse(built, { underLoad, heard } = {}) {
      const said: string[] = [];
      const say = (line: string): void => {
        said.push(line);
        heard?.(line, copy);
      };
      const bounds = { deadlineMs: 1_200_000, signal: new AbortController().signal };
      const { manifest } = built;
      const release = {
        ref: { digest: digestOfJson(manifest), version: manifest.version },
        manifest,
        file: async (digest: Digest) => bytesOf(built, digest),
      };
      const verification = { name: 'odoo-business', digest: digestOfJson(content), content };
      const copy = await copyOfTenant(at.stores, findStore(at.stores, TENANT), workDir, bounds);
      try {
        const facts = await rehearseTenant({
          ...{ copy, cell, release, bounds, say, underLoad, from: { store: TENANT }, mostTables: 32, now: () => 1_000 },
          migrations: manifest.migrations.map((migration) => {
            return { migration, up: Buffer.from(bytesOf(built, migration.up.digest)).toString() };
          }),
          statements: { source: 'none', texts: [] },
          business: { config: cell, verification, release, signal: bounds.signal, say, detail: say },
        });
        return { facts, said: said.join('\n') };
      } finally {
        await copy.remove();
      }
    },
    async laidOut(built) {
      const dir = await mkdtemp(join(at.dir, 'release-'));
      await writeFile(join(dir, 'manifest.json'), canonicalJson(built.manifest));
      await mkdir(join(dir, 'files'));
      for (const [digest, bytes] of built.files) await writeFile(join(dir, 'files', digest.slice(7)), bytes);
      await writeFile(join(dir, 'verification.json'), JSON.stringify(content));
      return dir;
    },
  };
}

function bytesOf({ files }: BuiltRelease, digest: Digest): Uint8Array {
  const bytes = files.get(digest);
  if (bytes === undefined) throw new Error(`the release has no file ${digest}`);
  return bytes;
}

async function cellOf(at: Stand): Promise<OdooCellConfig> {
  const { stores } = at;
  const dir = join(at.dir, 'cell');
  await mkdir(dir);
  // Where a cell keeps what the stand has elsewhere.
  await symlink(stores.dir, join(dir, 'odoo'));
  const { config, programs, dir: clusterDir } = stores.cluster;
  return parseOdooCellConfig({
    ...{ kind: 'odoo', cell: 'shared', environment: 'production', application: 'odoo', dir },
    odoo: { dir: stores.odoo.dir, dataDir: stores.odoo.dataDir },
    postgresql: { clusterDir, port: config.port, programsDir: programs.bin },
    slots: { blue: 1, green: 2 },
    stores: { [TENANT]: TENANT },
    tenants: { [TENANT]: { store: TENANT, ring: 'canary' } },
    router: { listenPort: 3, adminPort: 4, tokenFile: join(at.dir, 'router-token') },
    tenantTokensFile: await tokensFile(at),
  });
}

/** What an agent leaves of a release that serves in a slot. */
async function serves(cell: OdooCellConfig, built: BuiltRelease): Promise<void> {
  const { manifest } = built;
  const dir = slotDir(cell.dir, 'blue');
  const ref = { digest: digestOfJson(manifest), version: manifest.version };
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await beginSlot(dir, ref, manifest);
  await materialise(dir, manifest.components, async (digest) => bytesOf(built, digest));
  await writePhase(dir, ref, 'running');
}
