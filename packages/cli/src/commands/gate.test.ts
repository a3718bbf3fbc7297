import { readFile } from 'node:fs/promises';
import { gatesPage, parseDocuments, toldGates } from '@headgate/documents';
import { describe, expect, test } from 'vitest';
import { ranCommand } from '../testing/ran-command.ts';

const headgate = (...args: string[]) => ranCommand(args, { env: {}, cwd: '/' });

/** A policy whose only gate is listed as the words say, with values in the place of what is written in capitals. */
function policyWith(listed: string): string {
  const gate = listed.replaceAll('NUMBER', '1').replaceAll('NAME', 'staging').replaceAll('\n', '\n    ');
  return `apiVersion: headgate/v1
kind: Policy
metadata: {name: careful, owner: team-shop}
spec:
  gates:
    ${gate}
  rollbackScope: cell
  limits: {latestFinishMs: 1000, approvalMs: 1000}
`;
}

describe('gates are told', () => {
  test.each(toldGates().map((gate) => [gate.name, gate] as const))(
    '%s as a policy takes it, with every parameter that it has to be given, each in words',
    async (name, { asks, listed, parameters }) => {
      const parsed = parseDocuments(policyWith(listed), { file: 'policy.yaml' });
      expect(parsed.ok ? [] : parsed.problems.map(({ message }) => message)).toEqual([]);
      const { code, out } = await headgate('gate', 'show', name);
      expect(code).toBe(0);
      expect(out).toContain(asks);
      for (const { name: parameter, says } of parameters) {
        expect(out).toContain(parameter);
        expect(says, `${name}.${parameter}`).not.toBe('');
      }
    },
  );

  test('all of them in one list, and on one page of the documentation', async () => {
    const { out } = await headgate('gate', 'list', '--json');
    expect(JSON.parse(out).items.map((each: { name: string }) => each.name)).toEqual(
      toldGates().map(({ name }) => name),
    );
    const page = await readFile(new URL('../../../../docs/gates.md', import.meta.url), 'utf8');
    expect(page).toBe(gatesPage());
  });

  test('one that there isn’t is refused with those that there are', async () => {
    const { code, out } = await headgate('gate', 'show', 'rehersed');
    expect([code, out]).toEqual([3, expect.stringMatching(/there is no gate rehersed[\s\S]*signature, tests-passed/)]);
  });
});
