/** The repository's shape, as DESIGN and CONTRIBUTING say it: who may import whom, and what no file may do. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  cycles,
  ROOT,
  reached,
  readSources,
  repositoryFiles,
  type SourceFile,
  withoutComments,
} from './tidy/source-files.ts';

const files = repositoryFiles();
const sources = readSources(files);
const all = [...sources.values()];

/** Tests, what only they use, and what makes their data. */
const isTest = ({ path }: SourceFile): boolean =>
  /\.test(-support)?\.tsx?$/.test(path) ||
  /\/(testing|corpus|tests)\//.test(`/${path}`) ||
  path.startsWith('packages/testkit/');
const shipped = all.filter((file) => !isTest(file));

/**
 * The direction between rooms: each may import what stands behind it. `adapters` is several rooms: those of the control
 * plane, those of execution, and what both stand on.
 */
const DIRECTION: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  contract: [],
  documents: ['domain'],
  migrations: ['domain', 'documents'],
  control: ['domain', 'documents'],
  execution: ['domain', 'documents'],
  'adapters/shared': ['domain', 'documents', 'migrations'],
  'adapters/control': ['domain', 'documents', 'control', 'adapters/shared'],
  'adapters/execution': ['domain', 'documents', 'execution', 'migrations', 'adapters/shared'],
  server: ['domain', 'documents', 'control', 'contract', 'adapters/shared', 'adapters/control'],
  agent: ['domain', 'documents', 'execution', 'contract', 'adapters/shared', 'adapters/execution'],
  cli: ['contract', 'documents', 'migrations', 'adapters/shared'],
  web: ['contract'],
  simulator: ['domain', 'documents', 'control'],
};

function roomOf(path: string): string | undefined {
  const [top, name, , folder] = path.split('/');
  if (top !== 'packages' || name === undefined) return undefined;
  if (name !== 'adapters') return name;
  return folder === 'control' || folder === 'execution' ? `adapters/${folder}` : 'adapters/shared';
}

describe('direction', () => {
  test('every package has its place in the table', () => {
    const rooms = new Set(
      all.map((file) => roomOf(file.path)).filter((room) => room !== undefined && room !== 'testkit'),
    );
    expect(Object.keys(DIRECTION)).toEqual(expect.arrayContaining([...rooms]));
  });

  test('a room imports only what stands behind it', () => {
    const wrong = shipped.flatMap(({ path, imports }) => {
      const room = roomOf(path);
      if (room === undefined) return [];
      return imports.flatMap(({ file }) => {
        const other = file === undefined ? undefined : roomOf(file);
        const ok = other === undefined || other === room || DIRECTION[room]?.includes(other);
        return ok ? [] : [`${path} imports ${file}`];
      });
    });
    expect(wrong).toEqual([]);
  });

  test('the server reaches neither execution nor its adapters, by any way', () => {
    const server = shipped.filter((file) => file.path.startsWith('packages/server/')).map((file) => file.path);
    const held = [...reached(sources, server)].filter((path) =>
      /^packages\/(execution|adapters\/src\/execution)\//.test(path),
    );
    expect(held).toEqual([]);
  });

  test('the agent reaches neither the control plane nor its adapters, by any way', () => {
    const agent = shipped.filter((file) => file.path.startsWith('packages/agent/')).map((file) => file.path);
    const held = [...reached(sources, agent)].filter((path) =>
      /^packages\/(control|server|adapters\/src\/control)\//.test(path),
    );
    expect(held).toEqual([]);
  });

  test('only tests import the testkit and tests', () => {
    const wrong = shipped.flatMap(({ path, imports }) =>
      imports.flatMap(({ file }) => {
        const target = file === undefined ? undefined : sources.get(file);
        return target !== undefined && isTest(target) ? [`${path} imports ${file}`] : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('between packages by name, within one by path', () => {
    const packageOf = (path: string): string => /^(packages|examples)\/[^/]+|^[^/]+/.exec(path)?.[0] ?? path;
    const wrong = shipped.flatMap(({ path, imports }) =>
      imports.flatMap(({ file, specifier }) => {
        if (file === undefined) return [];
        const inside = packageOf(file) === packageOf(path);
        return specifier.startsWith('.') === inside ? [] : [`${path} imports ${specifier}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('every import of ours names a file that is there', () => {
    const known = new Set(files);
    const wrong = all.flatMap(({ path, imports }) =>
      imports.flatMap(({ file, specifier }) =>
        file === undefined || known.has(file) ? [] : [`${path} imports ${specifier}`],
      ),
    );
    expect(wrong).toEqual([]);
  });
});

test('no file loads itself in a circle', () => {
  expect(cycles(sources)).toEqual([]);
});

/** Programs that people start by hand. */
const BY_HAND: ReadonlySet<string> = new Set(['packages/documents/src/kinds/write-schemas.ts']);

test('no file is dead: each is reached from an index, a main, a test or a script', () => {
  const started = ['package.json', '.ci/run'].map((path) => readFileSync(join(ROOT, path), 'utf8')).join('\n');
  const roots = all.filter(
    (file) =>
      /\.test\.tsx?$/.test(file.path) ||
      /^packages\/[a-z]+\/src\/(.+\/)?(index|main)\.tsx?$/.test(file.path) ||
      started.includes(file.path) ||
      BY_HAND.has(file.path) ||
      file.text.includes('import.meta.main') ||
      /^[^/]+\.ts$/.test(file.path) ||
      // What an example ships runs as a release, which names its files itself.
      /^examples\/[a-z]+\/(app|erp)\//.test(file.path),
  );
  const alive = new Set(
    reached(
      sources,
      roots.map((file) => file.path),
    ),
  );
  // A file that is started as a process is named in a string of a living one.
  for (let grew = true; grew; ) {
    const named = all.filter(
      (file) => !alive.has(file.path) && [...alive].some((path) => names(sources.get(path), file.path)),
    );
    for (const path of reached(
      sources,
      named.map((file) => file.path),
    ))
      alive.add(path);
    grew = named.length > 0;
  }
  expect(all.filter((file) => !alive.has(file.path)).map((file) => file.path)).toEqual([]);
});

function names(by: SourceFile | undefined, path: string): boolean {
  return by !== undefined && new RegExp(`['"\`/]${posix.basename(path).replace('.', '\\.')}['"\`]`).test(by.text);
}

describe('size', () => {
  test('no file has more than 400 lines, and no table of tests more than 500', () => {
    const most = (file: SourceFile): number => (isTest(file) ? 500 : 400);
    expect(all.filter((file) => file.lines > most(file)).map((file) => `${file.path} ${file.lines}`)).toEqual([]);
  });

  test('half of what is shipped has less than 100 lines, and nearly all less than 300', () => {
    const share = (most: number): number => shipped.filter((file) => file.lines < most).length / shipped.length;
    expect(share(100)).toBeGreaterThanOrEqual(0.5);
    expect(share(300)).toBeGreaterThanOrEqual(0.97);
  });

  test('files are named in kebab-case', () => {
    const wrong = all.filter(
      ({ path }) => !/^[a-z0-9-]+(\.(test|odoo\.test|test-support|spec|d|config))?\.tsx?$/.test(posix.basename(path)),
    );
    expect(wrong.map((file) => file.path)).toEqual([]);
  });

  test('there is no dumping ground', () => {
    expect(files.filter((path) => /(^|\/)(utils?|helpers?|misc)(\/|\.tsx?$)/.test(path))).toEqual([]);
  });
});

describe('what decides is pure and synchronous', () => {
  const domain = shipped.filter((file) => file.path.startsWith('packages/domain/src/'));
  test.each([
    ['the clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\b|\bTemporal\.Now\b|\bhrtime\b/],
    ['chance', /\bMath\.random\b|\bcrypto\b|\brandomUUID\b/],
    ['waiting', /\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bqueueMicrotask\b|\basync\b|\bawait\b|\bPromise\b/],
    ['the machine', /['"]node:|\bprocess\.|\bfetch\(|\brequire\(|\bglobalThis\b|\bconsole\./],
  ])('the domain never asks for %s', (_what, pattern) => {
    expect(domain.filter((file) => pattern.test(withoutComments(file.text))).map((file) => file.path)).toEqual([]);
  });

  test('the domain stands on nothing but calendars', () => {
    const outside = domain.flatMap((f) =>
      f.imports.flatMap((i) => (i.file === undefined ? [`${f.path} ${i.specifier}`] : [])),
    );
    const allowed = /^packages\/domain\/src\/calendars\/\S+ (rrule-temporal|temporal-polyfill)$/;
    expect(outside.filter((line) => !allowed.test(line))).toEqual([]);
  });
});

test('a database that isn’t our own alone is opened as superuser by controlConnection only, whose settings its owner can’t change', () => {
  const rooms = /^packages\/(adapters\/src\/execution|agent\/src)\//;
  const plain = /(?<!\bthis)\??\.connection\s*\(|\buser: SUPERUSER\b/;
  const wrong = shipped.filter(({ path, text }) => rooms.test(path) && plain.test(withoutComments(text)));
  expect(wrong.map((file) => file.path)).toEqual([]);
});

test('what is decided cuts no text in the middle of a character: it could be neither stored nor signed', () => {
  const bound =
    /\.slice\(0, (?:[4-9]\d|[\d_]{3,}|[\w.]*(?:WORDS|CHARACTERS|LENGTH|SHOWN|characters))\)(?!\.(?:join|map))/;
  const wrong = shipped
    .filter(
      ({ path }) => /^packages\/(domain|control)\/src\//.test(path) && path !== 'packages/domain/src/model/text.ts',
    )
    .flatMap((file) => {
      const lines = file.text.split('\n');
      return lines.flatMap((line, i) => {
        const mended = [line, lines[i + 1] ?? ''].join('\n').includes('.toWellFormed()');
        return bound.test(line) && !/COLUMNS_SHOWN/.test(line) && !mended ? [`${file.path}:${i + 1}`] : [];
      });
    });
  expect(wrong).toEqual([]);
});

test('the agent writes to people by its output alone, which makes visible what nobody could see', () => {
  const agent = shipped.filter(
    ({ path }) => path.startsWith('packages/agent/src/') && !path.endsWith('/src/output.ts'),
  );
  const plain = /\bprocess\.(stdout|stderr)\.write\b|\bconsole\.\w+\(/;
  expect(agent.filter((file) => plain.test(withoutComments(file.text))).map((file) => file.path)).toEqual([]);
});

/** Services that live on without their program, or that nothing has to be taken away of. */
const LISTENS: ReadonlySet<string> = new Set([
  'packages/adapters/src/machine/interruption.ts',
  'packages/agent/src/program.ts',
  'packages/server/src/run.ts',
  'packages/adapters/src/execution/router/main.ts',
]);

test('a command hears that it is to end by listenForInterruption, which no second signal of the same wish outruns', () => {
  const own = /\bprocess\.(once|on)\(\s*('SIG|signal\b)/;
  const wrong = shipped.filter(
    ({ path, text }) => path.startsWith('packages/') && !LISTENS.has(path) && own.test(withoutComments(text)),
  );
  expect(wrong.map((file) => file.path)).toEqual([]);
});

/** What lies beside a catalog without being one of its kind, and why. */
const UNLISTED: ReadonlySet<string> = new Set([
  // A report that evidence is made from; not a format of evidence itself.
  'packages/documents/src/evidence/junit.ts',
  // From what the kinds declare to the domain's facts.
  'packages/documents/src/kinds/to-domain.ts',
]);

describe('catalogs are explicit', () => {
  test('no module is imported for its side effects', () => {
    const bare = /^\s*import\s*'\.{1,2}\/[^']*';/m;
    expect(all.filter((file) => bare.test(withoutComments(file.text))).map((file) => file.path)).toEqual([]);
  });

  const catalogs = shipped.filter((file) => posix.basename(file.path) === 'catalog.ts');
  test.each(catalogs.map((file) => [file.path]))('%s lists all that lies beside it', (path) => {
    const folder = `${posix.dirname(path)}/`;
    const beside = shipped.filter((f) => f.path.startsWith(folder) && !f.path.slice(folder.length).includes('/'));
    const listed = reached(sources, [path]);
    // What uses the catalog isn't in it; and a package's own catalog lists what lies in other folders.
    const uses = (p: string): boolean => reached(sources, [p]).has(path);
    if (/^packages\/[a-z]+\/src\/$/.test(folder)) return;
    expect(beside.map((f) => f.path).filter((p) => !listed.has(p) && !uses(p) && !UNLISTED.has(p))).toEqual([]);
  });

  test('the gates have one', () => {
    expect(catalogs.map((file) => file.path)).toContain('packages/domain/src/gates/catalog.ts');
  });
});

test('no file names a path of one machine', () => {
  const machine = /(?<![\w.$}~-])\/(home|root|Users|work|tmp)\/[\w.-]+/;
  const text = /\.(ts|tsx|js|cjs|mjs|json|md|ya?ml|sh|sql|toml|txt)$|(^|\/)run$/;
  const wrong = files
    .filter((path) => text.test(path) && path !== 'package-lock.json')
    .flatMap((path) => {
      const lines = readFileSync(join(ROOT, path), 'utf8').split('\n');
      return lines.flatMap((line, i) =>
        machine.test(line) && !line.includes('machine = /') ? [`${path}:${i + 1}`] : [],
      );
    });
  expect(wrong).toEqual([]);
});
