/**
 * `agent.yaml`: what this agent is, whom it talks to, and its cells. Strict: every mistake comes with file, line, column
 * and what was expected, all of them at once.
 *
 *     version: 1                             # of this form; without it: from before there were any
 *     server: http://127.0.0.1:7070          # plain HTTP to this machine only, else https
 *     name: agent-production
 *     tokenFile: /…/token                    # 0600
 *     dataDir: /…/agent                      # 0700: trust, marks, blobs, tree heads
 *     trustFile: /…/agent/trust.yaml         # pinned by a person
 *     environments:
 *       - name: production
 *         policyDigest: sha256:…             # optional: the only policy whose plans are carried out here
 *         documents: [sha256:…]              # optional: the only verifications, reconciliations and TenantRows that are
 *         signedApprovals: true              # optional: only approvals signed by a key of the trust file count
 *         rollBackAloneAfterMs: 900000       # optional: with the server away so long, a failing stop condition is enough
 *     watchEveryMs: 5000                     # optional: how often stop conditions are looked at with the server away
 *     cells: []                              # cells as the adapters know them …
 *     cellFiles: [/…/shared.json]            # … or each in a file of its own
 *     vault: {store: …, recipients: …}       # optional: as a cell's; where backups go, if not into the one cell's that has one
 *     backups: []                            # optional: repositories and states that are backed up by schedule
 */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { BackupConfig } from '@headgate/adapters/execution/backups/backup-config';
import { type AnyCellConfig, CELL_KINDS, cellKind } from '@headgate/adapters/execution/cell-kinds';
import { VaultConfig, vaultProblems } from '@headgate/adapters/execution/vault/vault-config';
import { isAllowedServer } from '@headgate/contract/server-address';
import { digest, distinct, expects, fields, list, name, oneOf, text, whole } from '@headgate/documents/schema/fields';
import { problemsOf } from '@headgate/documents/schema/problems';
import { type DocumentProblem, problemAt, readYaml, type YamlDocument } from '@headgate/documents/yaml/read-yaml';
import { dependencyOrder, disorderWords } from '@headgate/domain/recovery/dependency-order';
import { z } from 'zod';
import type { PinnedEnvironment } from './checks/facts.ts';
import { CONFIG_VERSION, versionOf } from './config-version.ts';

const pathPhrase = expects('an absolute path');
const absolute = z
  .string(pathPhrase)
  .max(4_096, pathPhrase)
  .refine((path) => isAbsolute(path) && !path.includes('\0'), pathPhrase);

const urlPhrase = expects('https://…, or http:// to 127.0.0.1, ::1 or localhost alone, without a path');
const serverUrl = z.string(urlPhrase).max(2_000, urlPhrase).refine(isAllowedServer, urlPhrase);

const pinnedEnvironment = fields({
  name,
  policyDigest: digest.exactOptional(),
  documents: list(digest, 0, 1_000).exactOptional(),
  signedApprovals: z.boolean(expects('true or false')).exactOptional(),
  rollBackAloneAfterMs: whole(0, 2_592_000_000).exactOptional(),
});

/** The form of `agent.yaml` itself; cells have forms of their own. */
export const agentForm = fields({
  version: whole(0, CONFIG_VERSION).default(0).describe('Of this form; a file from before there were any has none.'),
  server: serverUrl,
  name: text(100).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, expects('a name of letters, digits, . _ -')),
  tokenFile: absolute,
  dataDir: absolute,
  trustFile: absolute,
  environments: distinct(pinnedEnvironment, 1, 100, (e) => e.name),
  observeEveryMs: whole(250, 60_000).default(5_000),
  headEveryMs: whole(250, 600_000).default(5_000),
  watchEveryMs: whole(100, 600_000).default(5_000),
  graceMs: whole(0, 600_000).default(5_000),
  logLevel: oneOf('debug', 'info', 'warn', 'error').default('info'),
  cells: list(z.unknown(), 0, 1_000).default([]),
  cellFiles: list(absolute, 0, 1_000).default([]),
  vault: z.unknown().optional(),
  backups: list(z.unknown(), 0, 100).default([]),
});

export interface AgentConfig {
  readonly server: string;
  readonly name: string;
  readonly tokenFile: string;
  readonly dataDir: string;
  readonly trustFile: string;
  readonly environments: readonly PinnedEnvironment[];
  readonly cells: readonly AnyCellConfig[];
  /** Milliseconds between two looks at a cell. */
  readonly observeEveryMs: number;
  /** Milliseconds between two looks at the log's head. */
  readonly headEveryMs: number;
  /** Milliseconds between two looks at the stop conditions while the server is away. */
  readonly watchEveryMs: number;
  /** How long running steps may take to finish when the agent is stopped, before they are handed back. Milliseconds. */
  readonly graceMs: number;
  readonly logLevel: string;
  /** What is backed up beside the stores. */
  readonly backups: readonly BackupConfig[];
  /** Where that goes; there wherever there is any. */
  readonly backupVault?: VaultConfig;
}

export type ReadConfig =
  | { readonly ok: true; readonly config: AgentConfig }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads `agent.yaml` and the files that it names. */
export function loadConfig(path: string): ReadConfig {
  const read = readOne(path);
  if (!read.ok) return read;
  const { yaml } = read;
  const version = versionOf(yaml.value);
  if (typeof version === 'number' && version > CONFIG_VERSION) {
    const expected = `a version up to ${CONFIG_VERSION}: it was written for a newer agent, and that one reads it`;
    const problem = { path: ['version'], expected, found: String(version) };
    return refused([problemAt(yaml.placeOf(problem.path), problem)]);
  }
  const parsed = agentForm.safeParse(yaml.value);
  if (!parsed.success)
    return refused(problemsOf(parsed.error, yaml.value, agentForm).map((p) => problemAt(yaml.placeOf(p.path), p)));
  const { cells: inline, cellFiles, version: _, vault, backups: declared, ...rest } = parsed.data;
  const problems: string[] = [];
  const cells: AnyCellConfig[] = [];
  const add = (from: YamlDocument, base: readonly (string | number)[], value: unknown): void => {
    const cell = readCell(from, base, value);
    if (cell.ok) cells.push(cell.config);
    else problems.push(...cell.problems);
  };
  inline.forEach((value, i) => {
    add(yaml, ['cells', i], value);
  });
  for (const file of cellFiles) {
    const one = readOne(file);
    if (one.ok) add(one.yaml, [], one.yaml.value);
    else problems.push(...one.problems);
  }
  const place = (path: readonly (string | number)[], expected: string, found: string): string =>
    problemAt(yaml.placeOf(path), { path, expected, found }).message;
  if (inline.length + cellFiles.length === 0) problems.push(place(['cells'], 'at least one cell', 'none'));
  for (const [i, { name, signedApprovals, policyDigest }] of rest.environments.entries())
    if (signedApprovals && policyDigest === undefined)
      problems.push(
        place(
          ['environments', i, 'signedApprovals'],
          `a policyDigest beside it: how many approvals ${name} takes is the policy's to say`,
          'none',
        ),
      );
  const known = new Set(rest.environments.map((e) => e.name));
  const seen = new Set<string>();
  for (const { cell, environment } of cells) {
    if (!known.has(environment))
      problems.push(place(['environments'], `the environment ${environment} of cell ${cell}`, [...known].join(', ')));
    if (seen.has(cell)) problems.push(place(['cells'], 'each cell once', `${cell} again`));
    seen.add(cell);
  }
  const ordered = dependencyOrder(cells.map(({ cell: of, dependsOn }) => ({ name: of, dependsOn })));
  // Of cells that couldn't be read nobody knows the names.
  if (!ordered.ok && problems.length === 0)
    for (const words of disorderWords(ordered, 'cell of this agent'))
      problems.push(place(['cells'], 'dependsOn that can be followed', words));
  const kept = readBackups(yaml, declared, vault, cells);
  problems.push(...kept.problems);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config: { ...rest, cells, ...kept.found } };
}

/** What is backed up, and the vault that it goes to: the agent's own, or the one of its cells that has one. */
function readBackups(
  yaml: YamlDocument,
  declared: readonly unknown[],
  vault: unknown,
  cells: readonly AnyCellConfig[],
): { readonly problems: readonly string[]; readonly found: Pick<AgentConfig, 'backups' | 'backupVault'> } {
  const problems: string[] = [];
  const form = <T>(schema: z.ZodType<T>, base: readonly (string | number)[], value: unknown): T | undefined => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const problem of problemsOf(parsed.error, value, schema)) {
      const path = [...base, ...problem.path];
      problems.push(problemAt(yaml.placeOf(path), { ...problem, path }).message);
    }
    return undefined;
  };
  const place = (path: readonly (string | number)[], expected: string, found: string): void =>
    void problems.push(problemAt(yaml.placeOf(path), { path, expected, found }).message);
  const own = vault === undefined ? undefined : form(VaultConfig, ['vault'], vault);
  if (vaultProblems(own, true).length > 0) place(['vault', 'drill', 'identityFile'], 'an absolute path', 'nothing');
  const backups = declared.flatMap((value, i) => form(BackupConfig, ['backups', i], value) ?? []);
  const names = backups.map(({ name }) => name);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) place(['backups', twice, 'name'], 'a name of its own', `${names[twice]} again`);
  const ofCells = cells.flatMap((cell) => cell.vault ?? []);
  const backupVault = own ?? (vault === undefined && ofCells.length === 1 ? ofCells[0] : undefined);
  if (declared.length > 0 && vault === undefined && backupVault === undefined)
    place(
      ['backups'],
      'a vault beside them (vault: as in a cell’s file), where they go',
      ofCells.length === 0 ? 'none, nor one of a cell' : `none, and ${ofCells.length} cells with a vault each`,
    );
  return { problems, found: { backups, ...(backupVault !== undefined && { backupVault }) } };
}

type ReadCell =
  | { readonly ok: true; readonly config: AnyCellConfig }
  | { readonly ok: false; readonly problems: readonly string[] };

function readCell(yaml: YamlDocument, base: readonly (string | number)[], value: unknown): ReadCell {
  const kind = cellKind(value);
  if (kind === undefined) {
    const path = [...base, 'kind'];
    return refused([problemAt(yaml.placeOf(path), { path, expected: `one of ${Object.keys(CELL_KINDS).join(', ')}` })]);
  }
  const parsed = kind.form.safeParse(value);
  if (!parsed.success) {
    const found = problemsOf(parsed.error, value, kind.form);
    return refused(
      found.map((p) => {
        const path = [...base, ...p.path];
        return problemAt(yaml.placeOf(path), { ...p, path });
      }),
    );
  }
  try {
    return { ok: true, config: kind.parse(value) };
  } catch (error) {
    // The parts that must fit together; the adapters say each on a line of its own.
    const { file, line } = yaml.placeOf([...base]);
    const lines = (error as Error).message.split('\n').slice(1);
    return { ok: false, problems: lines.map((each) => `${file}:${line}: ${each}`) };
  }
}

type ReadOne =
  | { readonly ok: true; readonly yaml: YamlDocument }
  | { readonly ok: false; readonly problems: readonly string[] };

function readOne(path: string): ReadOne {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    return { ok: false, problems: [`${path}: can't be read (${(error as NodeJS.ErrnoException).code})`] };
  }
  const read = readYaml(content, path);
  if (!read.ok) return refused(read.problems);
  const [yaml] = read.documents;
  if (yaml === undefined || read.documents.length > 1)
    return { ok: false, problems: [`${path}:1:1: expected one document, found ${read.documents.length}`] };
  return { ok: true, yaml };
}

function refused(problems: readonly DocumentProblem[]): { readonly ok: false; readonly problems: readonly string[] } {
  return { ok: false, problems: problems.map((p) => p.message) };
}
