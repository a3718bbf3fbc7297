/**
 * The build that comes after this one: the same sources with one thing more of every kind that an upgrade brings. A table's
 * column that is new (expand) and one that goes again (contract), an event and an optional field that older code doesn't
 * know. Made by rewriting a copy; a text that is gone fails.
 */
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MIGRATIONS } from '@headgate/adapters/control/postgres/index';
import { KNOWN_FORMAT } from '@headgate/control/ports/row-format';
import { rewrite } from '@headgate/simulator/planted/plants';
import type { Build } from './installation.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SHIPPED = ['domain', 'documents', 'contract', 'control', 'execution', 'adapters', 'server', 'agent', 'web'];

export const NEXT_VERSION = '0.2.0';

const EVENTS = 'domain/src/promotion/events.ts';
const EVOLVE = 'domain/src/promotion/evolve.ts';
const FORMAT = 'control/src/ports/row-format.ts';
const last = MIGRATIONS.at(-1)?.name ?? '';

/** Texts of files below `packages/`, and what stands there instead. */
export type Changes = readonly (readonly [file: string, find: string, replace: string])[];

const CHANGES: Changes = [
  [
    'adapters/src/control/postgres/migrations/index.ts',
    `];

/** What code that knows`,
    `  { name: '9001-remark', sql: 'alter table headgate.stream add column remark text' },
       { name: '9002-no-remark', sql: 'alter table headgate.stream drop column remark', needs: ${MIGRATIONS.length + 1} },
     ];

/** What code that knows`,
  ],
  [FORMAT, `KNOWN_FORMAT = ${KNOWN_FORMAT};`, `KNOWN_FORMAT = ${KNOWN_FORMAT + 1};`],
  [
    FORMAT,
    `  },
];`,
    `  },
  { format: ${KNOWN_FORMAT + 1}, kind: 'promotion', has: (state) => (state as { remark?: string }).remark !== undefined },
];`,
  ],
  [
    'domain/src/promotion/state.ts',
    'readonly only?: OnlyTenants;',
    'readonly only?: OnlyTenants; readonly remark?: string;',
  ],
  [
    EVENTS,
    "| { readonly type: 'promotion.resumed';",
    "| { readonly type: 'promotion.remarked'; readonly data: { readonly remark: string } } | { readonly type: 'promotion.resumed';",
  ],
  [
    EVOLVE,
    "case 'promotion.resumed':",
    "case 'promotion.remarked': return { ...state, remark: event.data.remark }; case 'promotion.resumed':",
  ],
  [EVOLVE, 'undo, } = state;', 'undo, remark, } = state;'],
  [
    EVOLVE,
    '...(only !== undefined && { only }),',
    '...(only !== undefined && { only }), ...(remark !== undefined && { remark }),',
  ],
  [
    'domain/src/promotion/decide.ts',
    "return act({ type: 'promotion.wave-opened',",
    "return act(...(wave === 1 && state.environment.endsWith('-live') ? [{ type: 'promotion.remarked', data: { remark: 'new' } } as const] : []), { type: 'promotion.wave-opened',",
  ],
];

export interface OtherBuild extends Build {
  remove(): Promise<void>;
}

/** Makes it in a temporary folder. */
export const nextBuild = (): Promise<OtherBuild> => otherBuild(CHANGES, NEXT_VERSION);

/** Makes a build that differs from this one by some texts, in a temporary folder. */
export async function otherBuild(changes: Changes, asVersion: string): Promise<OtherBuild> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-build-'));
  await chmod(dir, 0o755);
  for (const name of SHIPPED)
    for (const part of ['package.json', 'src', 'schemas', 'dist'])
      await cp(join(ROOT, 'packages', name, part), join(dir, 'packages', name, part), { recursive: true }).catch(
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        },
      );
  await linkModules(join(dir, 'node_modules'));
  for (const [file, find, replace] of changes) {
    const path = join(dir, 'packages', file);
    await writeFile(path, rewrite({ name: find, file, find, replace, only: undefined }, await readFile(path, 'utf8')));
  }
  const manifest = join(dir, 'packages', 'server', 'package.json');
  const { version, ...rest } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  if (version >= NEXT_VERSION) throw new Error(`${NEXT_VERSION} doesn't come after ${version}, behind ${last}`);
  await writeFile(manifest, JSON.stringify({ ...rest, version: asVersion }));
  return {
    server: join(dir, 'packages', 'server', 'src', 'main.ts'),
    agent: join(dir, 'packages', 'agent', 'src', 'main.ts'),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** Everybody else's packages as they are here, ours as they are in the copy. */
async function linkModules(modules: string): Promise<void> {
  const here = join(ROOT, 'node_modules');
  await mkdir(join(modules, '@headgate'), { recursive: true });
  for (const name of await readdir(here))
    if (name !== '@headgate' && !name.startsWith('.'))
      await symlink(await realpath(join(here, name)), join(modules, name));
  for (const name of await readdir(join(here, '@headgate'))) {
    const ours = SHIPPED.includes(name);
    const to = ours ? join(modules, '..', 'packages', name) : await realpath(join(here, '@headgate', name));
    await symlink(to, join(modules, '@headgate', name));
  }
}
