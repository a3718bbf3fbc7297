import { migrationFileProblems } from '@headgate/documents';
import { type FoundMigrations, findMigrations } from './migration-tools.ts';
import type { Project } from './project.ts';
import { type StartCommand, startCommand } from './start-command.ts';

/** What a look at a project found out, and what not. */
export interface Recognised {
  readonly name: string;
  readonly run: readonly string[] | undefined;
  readonly runBecause: string;
  /** Variables that its start command sets, and what looked like a secret there: named, without their values. */
  readonly left: Pick<StartCommand, 'variables' | 'secrets'>;
  readonly files: readonly string[];
  readonly health: string | undefined;
  readonly healthBecause: string;
  readonly migrations: FoundMigrations | undefined;
  readonly git: Project['git'];
  /** What couldn't be told, in words, with what to do about it. */
  readonly unknown: readonly string[];
}

const HEALTH =
  /["'`](\/(?:healthz?|health[-_]?check|readyz?|livez|_health|ping|up|status|actuator\/health|api\/health))["'`]/;
/** Where a running system is asked, in this order. */
export const HEALTH_PATHS = [
  '/healthz',
  '/health',
  '/readyz',
  '/ready',
  '/livez',
  '/up',
  '/ping',
  '/status',
  '/api/health',
  '/actuator/health',
  '/',
];
const NO_PART =
  /^(\.|README|LICENSE|CHANGELOG|CONTRIBUTING|docs?$|tests?$|spec$|coverage$|Dockerfile|docker-compose|compose\.|Procfile|headgate\.yaml|tsconfig|biome|eslint|prettier|vitest|jest)/i;
/** Files of which it is told what is wrong with them. */
const MOST_TOLD = 5;
/** A shell would be needed for these. */
const SHELL = /[&|;<>$`*?(){}[\]"'\\~]/;

/** What the files of a project say. `answered`: the health path that a running system answered on, if it was asked. */
export function recognise(project: Project, answered?: string): Recognised {
  const start = startOf(project);
  const health = answered ?? healthIn(project);
  const migrations = findMigrations(project);
  const unknown: string[] = [];
  if (start === undefined)
    unknown.push('how it is started: no start script, Procfile or Dockerfile says it without a shell; write `run`');
  const { variables = [], secrets = [] } = start ?? {};
  if (variables.length > 0)
    unknown.push(
      `what is in ${variables.join(', ')}: ${start?.because} sets it, and values are left out; the connection URL is given in DATABASE_URL (\`databaseVariable\` names another), what is no secret belongs to \`env\` of an environment`,
    );
  if (secrets.length > 0)
    unknown.push(
      `what stands at ${secrets.join(', ')}: in ${start?.because} it looks like a secret, and is left out of \`run\`; have the program read it from a file of mode 0600`,
    );
  if (health === undefined)
    unknown.push(
      'where it says that it is healthy: no route like /healthz was seen; write `health`, or run init again with --url',
    );
  if (migrations === undefined)
    unknown.push(
      'how its database is migrated: no folder of numbered SQL files and no known tool was seen; `migrations` is left out',
    );
  else if (migrations.command !== undefined)
    unknown.push(
      `whether ${migrations.tool} is called rightly: read \`migrate\`, and docs/command-migrator.md, before the first migration`,
    );
  unknown.push(...unfitFiles(project, migrations?.sqlFolder));
  if (project.truncated) unknown.push('everything: the folder holds more than is looked at');
  const files = filesOf(project, migrations?.sqlFolder);
  if (files.length === 0)
    unknown.push('what a release is made of: nothing that looks like code stands in the folder; write `files`');
  return {
    name: nameOf(project),
    run: start?.run,
    runBecause: start?.because ?? '',
    left: { variables, secrets },
    files,
    health,
    healthBecause: answered === undefined ? 'its route stands in the code' : 'it answered there',
    migrations,
    git: project.git,
    unknown,
  };
}

/** What stands in the way of a release: told now, while the files have been run nowhere by Headgate. */
function unfitFiles({ paths }: Project, folder: string | undefined): readonly string[] {
  if (folder === undefined) return [];
  const below = paths.flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : []));
  const problems = migrationFileProblems(below.filter((name) => !name.includes('/')));
  const told = problems.slice(0, MOST_TOLD).map((each) => `what to make of ${folder}: ${each}`);
  const more = problems.length - told.length;
  return more === 0 ? told : [...told, `what to make of ${folder}: ${more} more of its files`];
}

function nameOf(project: Project): string {
  const said = json(project)?.name;
  const name = (typeof said === 'string' ? said.replace(/^@[^/]*\//, '') : project.name).toLowerCase();
  return (
    name
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 40) || 'service'
  );
}

interface Start extends Pick<StartCommand, 'variables' | 'secrets'> {
  readonly run: readonly string[];
  readonly because: string;
}

function startOf(project: Project): Start | undefined {
  const { scripts, main } = json(project) ?? {};
  const procfile = /^web:\s*(.+)$/m.exec(project.texts.get('Procfile') ?? '')?.[1];
  const candidates: [string | undefined, string][] = [
    [procfile, 'Procfile'],
    [typeof scripts?.start === 'string' ? scripts.start : undefined, 'package.json, scripts.start'],
    [dockerCommand(project.texts.get('Dockerfile') ?? ''), 'Dockerfile'],
    [typeof main === 'string' ? `node ${main}` : undefined, 'package.json, main'],
  ];
  for (const [text, because] of candidates) {
    if (text === undefined || SHELL.test(text)) continue;
    const known = new Set(project.paths);
    const plainOf = (word: string) => word.replace(/^\.\//, '');
    const { words, ...left } = startCommand(text.trim().split(/\s+/), (word) => known.has(plainOf(word)));
    if (words.length === 0 || words[0] === 'npm' || words[0] === 'yarn' || words[0] === 'pnpm') continue;
    const run = words.map((word, i) => {
      const plain = plainOf(word);
      if (i === 0 && plain === 'node') return '${node}';
      return known.has(plain) ? `\${dir}/${plain}` : word;
    });
    return { run, because, ...left };
  }
  return undefined;
}

/** The exec form alone: the other one is a shell's. */
function dockerCommand(text: string): string | undefined {
  const list = /^(?:CMD|ENTRYPOINT)\s*(\[.*\])\s*$/m.exec(text)?.[1];
  if (list === undefined) return undefined;
  try {
    const words = JSON.parse(list) as unknown;
    return Array.isArray(words) ? words.join(' ') : undefined;
  } catch {
    return undefined;
  }
}

function healthIn(project: Project): string | undefined {
  for (const [path, text] of project.texts) {
    if (/(^|\/)(tests?|spec|__tests__)\//.test(path) || /\.(test|spec)\./.test(path)) continue;
    const found = HEALTH.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Everything at the top that code or its program could need. Migrations are a part of their own. */
function filesOf(project: Project, sqlFolder: string | undefined): readonly string[] {
  const tops = new Set(project.paths.map((each) => each.split('/', 1)[0] as string));
  const dependencies = Object.keys(json(project)?.dependencies ?? {}).length > 0;
  const files = [...tops].filter((top) => !NO_PART.test(top) && top !== sqlFolder && !/lock|\.md$/.test(top));
  return dependencies ? [...files, 'node_modules'] : files;
}

interface PackageJson {
  readonly name?: unknown;
  readonly main?: unknown;
  readonly scripts?: { readonly start?: unknown };
  readonly dependencies?: object;
}

function json(project: Project): PackageJson | undefined {
  try {
    return JSON.parse(project.texts.get('package.json') ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}
