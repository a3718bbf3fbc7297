import { DEFAULT_HYPERCARE, DEFAULT_SOAK_MS } from '@headgate/documents/service/service';
import type { Recognised } from './recognise.ts';

/** Where the two connection URLs stand, if not in variables of the agent's environment. */
export interface ServicePlace {
  readonly environment: string;
  readonly owner: string;
}

/** The file that init writes: what was found, why it says so, and what to change next. */
export function serviceText(found: Recognised, { environment, owner }: ServicePlace): string {
  const { name, run, runBecause, files, health, healthBecause, migrations, git, left } = found;
  const upper = name.toUpperCase().replaceAll('-', '_');
  const lines = [
    `# What Headgate knows of ${name}${git?.remote === undefined ? '' : ` (${git.remote}${git.branch === undefined ? '' : `, ${git.branch}`})`}. Written by headgate init; it is yours now.`,
    'apiVersion: headgate/v1',
    'kind: Service',
    `metadata: {name: ${name}, owner: ${owner}}`,
    'spec:',
    `  # ${run === undefined ? 'TO DO: the command, word by word, without a shell' : `from ${runBecause}`}; \${dir} is the folder of a release's files`,
    ...leftLines(left),
    `  run: ${list(run ?? ['${dir}/TO-DO'])}`,
    '  # files and folders that a release is made of; leave out what only tests and builds need',
    `  files: ${list(files.length > 0 ? files : ['TO-DO'])}`,
    `  # ${health === undefined ? 'TO DO: a path that answers 200 once it serves' : healthBecause}; no customer moves before it answers`,
    `  health: ${health ?? '/TO-DO'}`,
    ...migrationLines(migrations),
    '  environments:',
    '    # releases pass them from top to bottom; put staging here first, as soon as there is one',
    `    - name: ${environment}`,
    '      # URLs hold passwords: they stand in the agent’s environment, or in files ({file: /etc/…}) of mode 0600',
    `      database: {url: {variable: ${upper}_DATABASE_URL}, adminUrl: {variable: ${upper}_ADMIN_URL}}`,
    '      # one other person agrees before anything changes here; 0 lets releases pass by themselves',
    '      approvals: 1',
    '  # a promotion ends once the new release was watched for so long (milliseconds); what fails meanwhile goes back by itself',
    `  soakMs: ${DEFAULT_SOAK_MS}`,
    '  # and is watched on then, which holds nothing up: for the first hour, if nothing else is said; [] is no watch',
    `  # hypercare: ${stages(DEFAULT_HYPERCARE)}`,
    '  # tests: 1            # then no release moves without passed tests attached (headgate ci FOLDER --key KEY --junit REPORT)',
    '  # gates:              # any gate of a Policy, here for all environments, or below one of them (docs/bring-your-own.md)',
    `  #   - {gate: migrations-analysed, params: {maxAgeMs: 604800000, longestStallMs: 1000, catalogue: ${environment}}}`,
    '  # calendar: …         # a Calendar beside this document: when changes may start, and freezes',
    '  # verification: …     # a Verification beside it: a transaction that customers live from, in place of health alone',
  ];
  return `${lines.join('\n')}\n`;
}

/** Names alone: this file is checked in, and shown. */
function leftLines({ variables, secrets }: Recognised['left']): readonly string[] {
  return [
    ...(variables.length === 0
      ? []
      : [
          `  # TO DO: it is started with ${variables.join(', ')} set; values are left out, see \`env\` and \`databaseVariable\``,
        ]),
    ...(secrets.length === 0
      ? []
      : [
          `  # TO DO: it is started with ${secrets.join(', ')}; what looks like a secret is left out, no password belongs here`,
        ]),
  ];
}

function migrationLines(found: Recognised['migrations']): readonly string[] {
  if (found === undefined)
    return ['  # migrations: a folder of numbered SQL files; Headgate runs each once, in one transaction'];
  if (found.sqlFolder !== undefined)
    return [
      '  # numbered SQL files, each run once in one transaction; the n-th makes schema version n',
      `  migrations: ${found.sqlFolder}`,
    ];
  const { program, versionQuery, url } = found.command!;
  return [
    `  # ${found.tool} (${found.because}) migrates: a release's migrations say with which arguments it is called (docs/command-migrator.md)`,
    '  migrations: headgate/migrations',
    '  migrate:',
    '    kind: command',
    `    program: ${list(program)}`,
    '    component: web',
    `    databaseEnv: {url: ${url}}`,
    `    versionQuery: ${JSON.stringify(versionQuery)}`,
  ];
}

function stages(all: readonly { readonly name: string; readonly durationMs: number }[]): string {
  return `[${all.map(({ name, durationMs }) => `{name: ${name}, durationMs: ${durationMs}}`).join(', ')}]`;
}

/** What YAML takes for a text without quotes: no number, and none of its words. */
const PLAIN =
  /^(?!(true|false|null|yes|no|on|off|\.inf|\.nan)$)(--?(?=[A-Za-z])|[./]+(?=[A-Za-z_])|(?=[A-Za-z_]))[\w./-]*$/i;

function list(items: readonly string[]): string {
  return `[${items.map((item) => (PLAIN.test(item) ? item : JSON.stringify(item))).join(', ')}]`;
}
