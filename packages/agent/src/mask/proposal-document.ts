/** Proposed rules as a document that a person edits: each with why, and how sure. */
import { API_VERSION } from '@headgate/domain';
import type { Proposal } from '@headgate/domain/masking/propose';

/** The YAML text. Without a proposal it has no rule, and says so. */
export function proposalDocument(name: string, proposals: readonly Proposal[]): string {
  const tables = [...new Set(proposals.map(({ table }) => table))];
  const rules = tables.flatMap((table) => [
    `    # ${table}`,
    ...proposals
      .filter((each) => each.table === table)
      .flatMap(({ column, mask, sure, why }) => {
        const rule = { table, column, ...mask };
        return [`    # ${sure}: ${why}`, `    - ${flow(rule)}`];
      }),
  ]);
  return [
    '# Proposed by headgate-agent mask scan. Read every line: what is missing here stays as it is, and what is wrong',
    '# here spoils data that nobody asked to change. Foreign keys need the same rule on both sides.',
    `apiVersion: ${API_VERSION}`,
    'kind: Masking',
    `metadata: {name: ${name}, owner: change-me}`,
    'spec:',
    '  key: {env: HEADGATE_MASK_KEY} # openssl rand -hex 32; the same key gives the same masks everywhere',
    ...(rules.length === 0 ? ['  rules: [] # nothing was found: name the columns yourself'] : ['  rules:', ...rules]),
    '',
  ].join('\n');
}

/** A value in YAML's flow style, quoted only where it must be. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `${key}: ${flow(each)}`)
      .join(', ')}}`;
  const plain =
    typeof value === 'string' &&
    /^[A-Za-z_][\w.-]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return plain ? value : JSON.stringify(value);
}
