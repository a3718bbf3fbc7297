/** For tests only: a cell of Odoo with a vault, an agent's files that name it, its loss, and the place in which it comes back. */
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openOdooCell } from '@headgate/adapters/execution/odoo/odoo-cell';
import type { OdooCellConfigInput } from '@headgate/adapters/execution/odoo/odoo-cell-config';
import { endRunning } from '@headgate/adapters/execution/running-cell';
import { newIdentity } from '@headgate/adapters/execution/vault/age-stream';
import { vaultKey } from '@headgate/adapters/execution/vault/vault-key';
import { freePorts } from '@headgate/adapters/machine/free-port';
import { canonicalJson } from '@headgate/documents';
import { generateNoteKey } from '@headgate/documents/log/note-key';
import { execute } from '@headgate/execution';
import { BroughtUpCell } from '../bring-up/cell.ts';
import type { ExampleCell } from '../bring-up/example-cells.ts';
import { cellConfigOf, openLayout } from '../bring-up/layout.ts';
import { ADDONS, BASELINE, type BuiltRelease, MODULE, odooRelease } from '../build.ts';
import { odooParts } from '../parts/index.ts';
import { OWN, verificationIn } from './business.ts';
import { stepWith } from './upgrades.ts';

export interface LostOdoo {
  readonly dir: string;
  /** The cell where it runs until it is lost. */
  readonly cell: BroughtUpCell;
  readonly vaultDir: string;
  readonly workDir: string;
  readonly verificationFile: string;
  /** `dr NAME …`, as it is typed, on the configuration of the place that was configured last. */
  readonly options: readonly string[];
  /** Folder of a release of the same version whose module says another one of itself. */
  otherModule(): Promise<string>;
  /** A restore point of a tenant, sealed in the vault. `change`: what of it is spoilt before that. */
  seal(tenant: string, change?: (dir: string) => Promise<void>): Promise<string>;
  /** Takes a tenant's newest restore point out of the vault. */
  forget(tenant: string): Promise<void>;
  /** Ends all of it, and takes away everything but the vault and what is kept of the configuration. */
  lose(): Promise<void>;
  /** The same cell in another place: other folders, another PostgreSQL, other ports; the agent's files name it from now on. */
  elsewhere(): Promise<BroughtUpCell>;
  remove(): Promise<void>;
}

/** Brings one up, with these tenants. */
export async function lostOdoo(name: string, tenants: readonly string[]): Promise<LostOdoo> {
  const parts = await odooParts();
  const dir = await mkdtemp(join(tmpdir(), 'headgate-lost-odoo-'));
  await chmod(dir, 0o755);
  const at = (...path: string[]): string => join(dir, ...path);
  for (const folder of ['vault', 'work', 'kept']) await mkdir(at(folder), { mode: 0o755 });
  const example: ExampleCell = {
    ...{ cell: name, environment: 'production' },
    tenants: tenants.map((id) => ({ id, ring: 'broad', name: id, referencePattern: '{year}-{month}/{project}' })),
  };
  const layout = await openLayout(at('machine'), [example]);
  const { identity, recipient } = await newIdentity();
  await writeFile(at('kept', 'identity.txt'), `${identity}\n`, { mode: 0o600 });
  await writeFile(at('kept', 'token'), 'test-token\n', { mode: 0o600 });
  const first: OdooCellConfigInput = {
    ...cellConfigOf(layout, example, parts),
    vault: {
      store: { kind: 'folder', dir: at('vault') },
      recipients: [recipient],
      keyFile: at('sealing', 'key.pem'),
      drill: {
        identityFile: at('kept', 'identity.txt'),
        workDir: at('work'),
        transactions: {
          command: [process.execPath, join(import.meta.dirname, '..', 'headgate', 'drill-invoice.ts'), at('addons')],
          timeoutMs: 240_000,
        },
      },
    },
  };
  await mkdir(at('sealing'));
  const key = await vaultKey(at('sealing', 'key.pem'));
  await cp(join(ADDONS, BASELINE), at('addons'), { recursive: true });
  const baseline = await odooRelease(BASELINE);
  await mkdir(at('kept', 'release', 'files'), { recursive: true });
  await writeFile(at('kept', 'release', 'manifest.json'), canonicalJson(baseline.manifest));
  for (const [digest, bytes] of baseline.files) await writeFile(at('kept', 'release', 'files', digest.slice(7)), bytes);
  await writeFile(at('kept', 'verification.json'), JSON.stringify(await verificationIn(OWN)));
  await writeFile(at('kept', 'trust.yaml'), trustOf(key.publicKeyPem));
  const configure = async (cell: OdooCellConfigInput): Promise<void> => {
    await writeFile(at('kept', 'cell.json'), JSON.stringify(cell));
    await writeFile(
      at('kept', 'agent.yaml'),
      `server: http://127.0.0.1:1\nname: agt_test\ntokenFile: ${at('kept', 'token')}\ndataDir: ${at('kept', 'data')}\ntrustFile: ${at('kept', 'trust.yaml')}\nenvironments: [{name: production}]\ncellFiles: [${at('kept', 'cell.json')}]\n`,
    );
  };
  await configure(first);
  const cell = new BroughtUpCell(example, first);
  await cell.bringUp(baseline, parts.odoo.sha256);
  let second: BroughtUpCell | undefined;
  const pointsOf = (tenant: string): string => at('vault', 'points', 'production', name, tenant);
  return {
    ...{ dir, cell, vaultDir: at('vault'), workDir: at('work'), verificationFile: at('kept', 'verification.json') },
    options: ['--config', at('kept', 'agent.yaml'), '--release', at('kept', 'release')],
    async otherModule() {
      const file = `${MODULE}/__manifest__.py`;
      const other = await odooRelease(BASELINE, (files) => {
        const said = files.get(file)!.toString();
        files.set(file, Buffer.from(said.replace(/19\.0\.1\.0\.1/, '19.0.1.0.9')));
      });
      await layOut(other, at('kept', 'other-release'));
      return at('kept', 'other-release');
    },
    async seal(tenant, change) {
      const ports = await openOdooCell(cell.config);
      const ctx = () => stepWith({ blobs: baseline.files }, { cell: name });
      try {
        const held = await ports.traffic.hold([tenant], ctx());
        if (!held.ok) throw new Error(held.why);
        if (change === undefined) {
          const outcome = await execute({ kind: 'restore-point', store: tenant }, ctx(), ports);
          if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
        } else {
          const taken = await ports.restorePoints.take(tenant, ctx());
          if (!taken.ok) throw new Error(taken.why);
          const point = join(cell.config.dir, 'odoo', tenant, 'restore-points', taken.value.id);
          await change(point);
          const text = await readFile(join(point, 'manifest.json'));
          const manifest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
          await writeFile(`${point}.sha256`, `${manifest}\nr1\n`);
          const sealed = await ports.vault!.keep({ ...taken.value, manifest, verified: true }, ctx());
          if (sealed.kind !== 'sealed') throw new Error(JSON.stringify(sealed));
        }
        const opened = await ports.traffic.open([tenant], ctx());
        if (!opened.ok) throw new Error(opened.why);
        return (await readdir(pointsOf(tenant))).toSorted().at(-1)!;
      } finally {
        await ports.close();
      }
    },
    async forget(tenant) {
      const newest = (await readdir(pointsOf(tenant))).toSorted().at(-1)!;
      await rm(join(pointsOf(tenant), newest), { recursive: true });
    },
    async lose() {
      await endRunning({ ...cell.config, drainMs: 0 }, () => {});
      // What an administrator keeps elsewhere beside it: API keys.
      await cp(cell.tokensFile, at('kept', 'api-keys.json'));
      await rename(layout.root, `${layout.root}-lost`);
      await rename(at('sealing'), at('sealing-lost'));
    },
    async elsewhere() {
      const [cluster, blue, green, listenPort, adminPort] = (await freePorts(5)) as [
        number,
        number,
        number,
        number,
        number,
      ];
      const place = `${layout.root}-new`;
      const input: OdooCellConfigInput = {
        ...first,
        dir: join(place, 'cell'),
        odoo: { ...first.odoo, dataDir: join(place, 'odoo', 'data') },
        postgresql: { ...first.postgresql, clusterDir: join(place, 'postgresql'), port: cluster },
        slots: { blue, green },
        router: { listenPort, adminPort, tokenFile: join(place, 'secrets', 'router-token') },
        tenantTokensFile: at('kept', 'api-keys.json'),
      };
      await configure(input);
      second = new BroughtUpCell(example, input);
      return second;
    },
    async remove() {
      for (const each of [cell, second])
        if (each) await endRunning({ ...each.config, drainMs: 0 }, () => {}).catch(() => {});
      for (const place of [join(layout.root, '..'), dir]) await rm(place, { recursive: true, force: true });
    },
  };
}

async function layOut({ manifest, files }: BuiltRelease, dir: string): Promise<void> {
  await mkdir(join(dir, 'files'), { recursive: true });
  await writeFile(join(dir, 'manifest.json'), canonicalJson(manifest));
  for (const [digest, bytes] of files) await writeFile(join(dir, 'files', digest.slice(7)), bytes);
}

/** Believes what the lost agent sealed, by the public half of its key. */
function trustOf(publicKeyPem: string): string {
  const pem = publicKeyPem.trim().split('\n').join('\n          ');
  const origin = 'headgate.example.org/test';
  const { verifierKey } = generateNoteKey(origin, 'tree-head');
  return `apiVersion: headgate/v1
kind: Trust
metadata: {name: test, owner: security}
spec:
  signers:
    - name: lost-agent
      may: [restore-point]
      publicKey: |
          ${pem}
  log:
    origin: ${origin}
    keys: ["${verifierKey}"]
`;
}
