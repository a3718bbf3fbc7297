import type { Project } from './project.ts';

/** How a project migrates its database. */
export interface FoundMigrations {
  readonly tool: string;
  /** Folder of SQL files that Headgate runs by itself; absent: the tool runs them. */
  readonly sqlFolder?: string;
  /** What Headgate calls, and how the version is read; a person completes it. */
  readonly command?: { readonly program: readonly string[]; readonly versionQuery: string; readonly url: string };
  /** What was seen. */
  readonly because: string;
}

interface Tool {
  readonly tool: string;
  /** The path that shows it. */
  seen(project: Project): string | undefined;
  readonly command: NonNullable<FoundMigrations['command']>;
}

const path = (pattern: RegExp) => (project: Project) => project.paths.find((each) => pattern.test(each));
const dependency = (name: string) => (project: Project) => {
  const text = project.texts.get('package.json') ?? '';
  return text.includes(`"${name}"`) ? `package.json (${name})` : undefined;
};

/** In this order: what shows itself by a file of its own stands before what is only a habit. docs/command-migrator.md has more. */
const TOOLS: readonly Tool[] = [
  {
    tool: 'Prisma',
    seen: path(/(^|\/)schema\.prisma$/),
    command: {
      program: ['${node}', 'node_modules/prisma/build/index.js', 'migrate', 'deploy'],
      versionQuery:
        'select migration_name from _prisma_migrations where finished_at is not null order by started_at desc limit 1',
      url: 'DATABASE_URL',
    },
  },
  {
    tool: 'Alembic',
    seen: path(/(^|\/)alembic\.ini$/),
    command: {
      program: ['/usr/bin/python3', '-m', 'alembic', 'upgrade'],
      versionQuery: 'select version_num from alembic_version',
      url: 'DATABASE_URL',
    },
  },
  {
    tool: 'Django',
    seen: (project) => path(/(^|\/)manage\.py$/)(project) && path(/(^|\/)migrations\/\d{4}_\w+\.py$/)(project),
    command: {
      program: ['/usr/bin/python3', 'manage.py', 'migrate', '--no-input'],
      versionQuery: "select md5(string_agg(app || name, ' ' order by app, name)) from django_migrations",
      url: 'DATABASE_URL',
    },
  },
  {
    tool: 'Rails',
    seen: path(/(^|\/)db\/migrate\/\d+_\w+\.rb$/),
    command: {
      program: ['/usr/bin/bundle', 'exec', 'rails', 'db:migrate'],
      versionQuery: 'select max(version) from schema_migrations',
      url: 'DATABASE_URL',
    },
  },
  {
    tool: 'Flyway',
    seen: path(/(^|\/)V\d[\w.]*__\w+\.sql$/),
    command: {
      program: ['/usr/bin/flyway', 'migrate'],
      versionQuery: 'select version from flyway_schema_history where success order by installed_rank desc limit 1',
      url: 'FLYWAY_URL',
    },
  },
  {
    tool: 'Liquibase',
    seen: path(/(^|\/)(liquibase\.properties|(db\.)?changelog[^/]*\.(xml|ya?ml|json|sql))$/),
    command: {
      program: ['/usr/bin/liquibase', 'update'],
      versionQuery: 'select id from databasechangelog order by orderexecuted desc limit 1',
      url: 'LIQUIBASE_COMMAND_URL',
    },
  },
  {
    tool: 'Knex',
    seen: path(/(^|\/)knexfile\.[cm]?[jt]s$/),
    command: {
      program: ['${node}', 'node_modules/knex/bin/cli.js', 'migrate:latest'],
      versionQuery: 'select name from knex_migrations order by id desc limit 1',
      url: 'DATABASE_URL',
    },
  },
  {
    tool: 'Sequelize',
    seen: (project) => path(/(^|\/)\.sequelizerc$/)(project) ?? dependency('sequelize-cli')(project),
    command: {
      program: ['${node}', 'node_modules/sequelize-cli/lib/sequelize', 'db:migrate'],
      versionQuery: 'select max(name) from "SequelizeMeta"',
      url: 'DATABASE_URL',
    },
  },
  {
    tool: 'node-pg-migrate',
    seen: dependency('node-pg-migrate'),
    command: {
      program: ['${node}', 'node_modules/node-pg-migrate/bin/node-pg-migrate.js', 'up'],
      versionQuery: 'select name from pgmigrations order by id desc limit 1',
      url: 'DATABASE_URL',
    },
  },
];

/** Numbered SQL, as golang-migrate and people by hand write it: `0001-orders.sql`, `1_orders.up.sql`. */
const NUMBERED = /^(.*)\/\d+[-_.]?[\w.-]*\.sql$/;

/** How a project migrates; `undefined`: nothing was seen. */
export function findMigrations(project: Project): FoundMigrations | undefined {
  for (const { tool, seen, command } of TOOLS) {
    const because = seen(project);
    if (because !== undefined) return { tool, command, because };
  }
  const folders = project.paths.flatMap((each) => NUMBERED.exec(each)?.[1] ?? []);
  // The fullest one: beside it there are seeds and examples.
  const [folder] = [...new Set(folders)].sort((a, b) => count(folders, b) - count(folders, a));
  if (folder === undefined) return undefined;
  const pairs = project.paths.some((each) => each.startsWith(`${folder}/`) && each.endsWith('.up.sql'));
  return { tool: pairs ? 'golang-migrate' : 'SQL files', sqlFolder: folder, because: `${folder}/` };
}

function count(list: readonly string[], item: string): number {
  return list.filter((each) => each === item).length;
}
