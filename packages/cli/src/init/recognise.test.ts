import { readService } from '@headgate/documents';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Project } from './project.ts';
import { recognise } from './recognise.ts';
import { serviceText } from './service-text.ts';

function project(files: Readonly<Record<string, string>>, more: Partial<Project> = {}): Project {
  const texts = new Map(Object.entries(files).filter(([, text]) => text !== ''));
  return { name: 'shop', paths: Object.keys(files).sort(), texts, git: undefined, truncated: false, ...more };
}

const PLACE = { environment: 'production', owner: 'team-shop' };

describe('migrations are known by what their tool leaves', () => {
  const tools: [string, Record<string, string>, string | RegExp][] = [
    ['SQL files', { 'migrations/0001-a.sql': '', 'migrations/0002-b.sql': '', 'seeds/1.sql': '' }, 'migrations'],
    ['golang-migrate', { 'db/migrations/1_a.up.sql': '', 'db/migrations/1_a.down.sql': '' }, 'db/migrations'],
    ['Flyway', { 'src/main/resources/db/migration/V1__init.sql': '' }, /flyway_schema_history/],
    ['Liquibase', { 'src/main/resources/db/changelog/db.changelog-master.yaml': '' }, /databasechangelog/],
    ['Alembic', { 'alembic.ini': '', 'alembic/versions/1a2b_x.py': '' }, /alembic_version/],
    ['Django', { 'manage.py': '', 'billing/migrations/0001_initial.py': '' }, /django_migrations/],
    ['Rails', { 'db/migrate/20240101000000_create_orders.rb': '', Gemfile: '' }, /schema_migrations/],
    [
      'Prisma',
      { 'prisma/schema.prisma': '', 'prisma/migrations/20240101_init/migration.sql': '' },
      /_prisma_migrations/,
    ],
    ['Knex', { 'knexfile.js': '', 'migrations/20240101_a.js': '' }, /knex_migrations/],
    ['Sequelize', { '.sequelizerc': '' }, /SequelizeMeta/],
    ['node-pg-migrate', { 'package.json': '{"dependencies":{"node-pg-migrate":"7"}}' }, /pgmigrations/],
  ];
  test.each(tools)('%s', (tool, files, expected) => {
    const found = recognise(project(files)).migrations;
    expect(found?.tool).toBe(tool);
    if (typeof expected === 'string') expect(found?.sqlFolder).toBe(expected);
    else expect(found?.command?.versionQuery).toMatch(expected);
    const read = readService(serviceText(recognise(project(files)), PLACE), 'headgate.yaml');
    expect(read.ok || read.problems[0]?.message).toBe(true);
  });
});

test('what is hinted at in comments is a gate that can be had by taking the # away', () => {
  const text = serviceText(recognise(project({ 'server.mjs': 'x' })), PLACE);
  const hinted = text.replace(/^ {2}# (gates:).*\n {2}# /m, '  $1\n  ');
  expect(hinted).not.toBe(text);
  const read = readService(hinted, 'headgate.yaml');
  expect(read.ok ? read.service.spec.gates : read.problems[0]?.message).toMatchObject([
    { gate: 'migrations-analysed', params: { catalogue: PLACE.environment } },
  ]);
});

describe('how a service is started', () => {
  const starts: [string, Record<string, string>, readonly string[] | undefined][] = [
    [
      'package.json',
      { 'package.json': '{"scripts":{"start":"node ./server.mjs --fast"}}', 'server.mjs': 'x' },
      ['${node}', '${dir}/server.mjs', '--fast'],
    ],
    ['Procfile', { Procfile: 'release: x\nweb: gunicorn shop.wsgi', 'shop/wsgi.py': 'x' }, ['gunicorn', 'shop.wsgi']],
    ['Dockerfile', { Dockerfile: 'FROM x\nCMD ["python3", "app.py"]\n', 'app.py': 'x' }, ['python3', '${dir}/app.py']],
    [
      'a shell’s line is nobody’s guess',
      { 'package.json': '{"scripts":{"start":"node a.js && node b.js"}}' },
      undefined,
    ],
    ['nothing', {}, undefined],
  ];
  test.each(starts)('%s', (_what, files, expected) => {
    const found = recognise(project(files));
    expect(found.run).toEqual(expected);
    expect(found.unknown.some((each) => each.startsWith('how it is started'))).toBe(expected === undefined);
  });
});

describe('what is set and given to it, and may be a secret, is named without its value', () => {
  const S = 'hunter2';
  const cases: [string, Record<string, string>, readonly string[], readonly string[], readonly string[]][] = [
    [
      'variables in front, and a password behind',
      { Procfile: `web: DATABASE_URL=postgres://u:${S}@h/x NODE_ENV=production node server.js --password ${S}` },
      ['${node}', '${dir}/server.js'],
      ['DATABASE_URL', 'NODE_ENV'],
      ['--password'],
    ],
    [
      'a start script with cross-env and a token',
      {
        'package.json': `{"scripts":{"start":"cross-env A=${S} node ./server.js --token=${S} --port 80 -p 8080 --token-file t.txt"}}`,
      },
      ['${node}', '${dir}/server.js', '--port', '80', '-p', '8080', '--token-file', 't.txt'],
      ['A'],
      ['--token'],
    ],
    [
      'a Dockerfile’s command',
      {
        Dockerfile: `FROM x\nCMD ["node", "server.js", "--token", "${S}", "--db", "postgres://u:${S}@h/x", "api_key=${S}"]\n`,
      },
      ['${node}', '${dir}/server.js'],
      [],
      ['--token', '--db', 'api_key'],
    ],
    [
      'addresses and tokens that stand alone',
      { Procfile: `web: node server.js postgres://u:${S}@h/x ghp_${S} -p${S} --mode fast` },
      ['${node}', '${dir}/server.js', '--mode', 'fast'],
      [],
      ['an argument', 'an argument', '-p'],
    ],
  ];
  test.each(cases)('%s', (_, files, run, variables, secrets) => {
    const found = recognise(project({ ...files, 'server.js': 'x' }));
    expect({ run: found.run, ...found.left }).toEqual({ run, variables, secrets });
    const text = serviceText(found, PLACE);
    expect(text + JSON.stringify(found)).not.toContain(S);
    for (const name of [...variables, ...secrets]) expect(text).toContain(name);
    expect(text).toMatch(/TO DO: it is started with/);
    expect(readService(text, 'headgate.yaml').ok).toBe(true);
  });
});

test('its health path is a route of the code, not of its tests; a running copy knows better', () => {
  const files = { 'a.test.js': "get('/ping')", 'src/app.py': "@app.get('/healthz')" };
  expect(recognise(project(files)).health).toBe('/healthz');
  expect(recognise(project(files), '/up').health).toBe('/up');
  expect(recognise(project({})).unknown.join()).toContain('--url');
});

test('what it writes is a Service, whatever the folder and its package are called', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), fc.string({ unit: 'binary', maxLength: 60 }), (folder, name) => {
      const found = recognise(
        project({ 'package.json': JSON.stringify({ name }), 'server.js': 'x' }, { name: folder }),
      );
      const read = readService(serviceText(found, PLACE), 'headgate.yaml');
      expect(read.ok || read.problems[0]?.message).toBe(true);
    }),
  );
});

test('migration files that no release would take are told, those that are none are not', () => {
  const files = { 'migrations/0001-a.sql': '', 'migrations/0002-drop.Contract.sql': '', 'migrations/README.md': '' };
  expect(recognise(project(files)).unknown.filter((each) => each.includes('migrations'))).toEqual([
    'what to make of migrations: "0002-drop.Contract.sql" says ".Contract", which is no phase; rename it with ".contract" in its place, or with ".expand" before the ending if it only adds',
  ]);
});

test('without comments it is at most twenty lines', () => {
  const found = recognise(
    project({
      'package.json': '{"scripts":{"start":"node server.js"}}',
      'migrations/1-a.sql': '',
      'server.js': "'/health'",
    }),
  );
  const lines = serviceText(found, PLACE)
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  expect(lines.length).toBeLessThanOrEqual(20);
  expect(found.unknown).toEqual([]);
});
