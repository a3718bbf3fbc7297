import { isAbsolute } from 'node:path';
import { NAME_PATTERN } from '@headgate/domain';
import { z } from 'zod';

const name = z.string().regex(NAME_PATTERN, 'a name: lower-case letters, digits and hyphens, at most 63');
const path = z.string().max(4_096).refine(isAbsolute, 'an absolute path');
const variable = z.string().regex(/^[A-Z_][A-Z0-9_]{0,127}$/, 'the name of an environment variable');

/**
 * How a cell's application is started on a copy of its store. It says all that the application is given there beside the copy:
 * what serves customers speaks to payment, mail and ledgers, and a copy of it mustn't.
 */
export const RehearsalConfig = z.strictObject({
  /** Variables of the cell's own (env, secretEnv, secretFiles) that a copy may have, too. No other comes along. */
  keep: z.array(variable).max(500).default([]),
  /** What it has beside them, or in their place: addresses where nobody is, a test system's. */
  env: z.record(variable, z.string().max(32_768)).default({}),
  /** The same, of 0600 files. */
  secretEnv: z.record(variable, path).default({}),
  /** Those that are started; by default the web component alone, since a worker takes up the jobs that the copy holds. */
  components: z.array(name).min(1).max(100).optional(),
  /** Whose transactions are carried out; by default those of all tenants of the store, in the order of their names. */
  tenants: z.array(name).min(1).max(100).optional(),
  /** 0600, JSON: token by tenant; by default the cell's own. */
  tenantTokensFile: path.optional(),
  /** How long a version may take until it is healthy. */
  startMs: z.int().min(1_000).max(3_600_000).default(60_000),
  /** How long the transactions of one version may take, of all tenants. */
  transactionsMs: z.int().min(1_000).max(86_400_000).default(600_000),
});
export type RehearsalConfig = z.output<typeof RehearsalConfig>;

interface CellParts {
  readonly webComponent: string;
  readonly env: Readonly<Record<string, string>>;
  readonly secretEnv: Readonly<Record<string, string>>;
  readonly secretFiles: Readonly<Record<string, string>>;
  readonly tenants: Readonly<Record<string, unknown>>;
  readonly slots: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly rehearsal?: RehearsalConfig | undefined;
}

/** What of it doesn't fit the rest of the cell, in words. */
export function rehearsalProblems(cell: CellParts): readonly string[] {
  const { rehearsal, tenants, slots, webComponent } = cell;
  if (rehearsal === undefined) return [];
  const wrong: string[] = [];
  const own = [cell.env, cell.secretEnv, cell.secretFiles];
  for (const each of rehearsal.keep) {
    if (!own.some((variables) => Object.hasOwn(variables, each)))
      wrong.push(`rehearsal.keep: the cell has no variable ${each}`);
    if (Object.hasOwn(rehearsal.env, each) || Object.hasOwn(rehearsal.secretEnv, each))
      wrong.push(`rehearsal.keep: ${each} is set by rehearsal, too`);
  }
  for (const each of Object.keys(rehearsal.env).filter((name) => Object.hasOwn(rehearsal.secretEnv, name)))
    wrong.push(`rehearsal.secretEnv: env sets ${each}, too`);
  for (const each of rehearsal.tenants ?? [])
    if (!Object.hasOwn(tenants, each)) wrong.push(`rehearsal.tenants: there is no tenant ${each}`);
  const { components } = rehearsal;
  for (const each of components ?? [])
    if (!Object.values(slots).some((ports) => Object.hasOwn(ports, each)))
      wrong.push(`rehearsal.components: no slot has a component ${each}`);
  if (components !== undefined && !components.includes(webComponent))
    wrong.push(`rehearsal.components: ${webComponent}, which takes the requests, has to be among them`);
  return wrong;
}
