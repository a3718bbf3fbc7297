import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countResources, readTerraformState, stateSum } from './terraform-state.ts';

const SECRET = 'geheim-4711';
const state = {
  ...{ version: 4, terraform_version: '1.11.4', serial: 7, lineage: '864b1596-bcca-50fc-eacc-c26b519ab875' },
  outputs: { password: { value: SECRET } },
  resources: [
    { mode: 'managed', type: 'vm', name: 'a', instances: [{ attributes: { p: SECRET } }, {}] },
    { mode: 'managed', type: 'vm', name: 'b', module: 'module.x', instances: [{}] },
    { mode: 'data', type: 'vm', name: 'c', instances: [{}] },
  ],
};
const read = (value: unknown) => readTerraformState(JSON.stringify(value));

test('a state is its version, lineage and serial, and how many resources of each type', () => {
  const found = read(state);
  expect(found).toEqual({
    ok: true,
    state: { version: 4, writtenBy: '1.11.4', serial: 7, lineage: state.lineage, resources: { vm: 3, 'data.vm': 1 } },
  });
  expect(found.ok && countResources(found.state)).toBe(4);
  expect(read({ ...state, resources: [] })).toMatchObject({ ok: true, state: { resources: {} } });
});

test.each<[string, string, string]>([
  ['nothing', ' ', 'not-json'],
  ['no JSON', `{"a":"${SECRET}`, 'not-json'],
  ['a list', '[]', 'not-a-state'],
  ['a plan’s JSON', JSON.stringify({ format_version: '1.2', values: SECRET }), 'not-a-state'],
  ['one from before Terraform 0.12', JSON.stringify({ ...state, version: 3 }), 'not-a-state'],
  ['a negative serial', JSON.stringify({ ...state, serial: -1 }), 'not-a-state'],
  ['no lineage', JSON.stringify({ ...state, lineage: '' }), 'not-a-state'],
  ['a lineage that moves a terminal', JSON.stringify({ ...state, lineage: `a\u001b[2J${SECRET}` }), 'not-a-state'],
  [
    'a type that isn’t a name',
    JSON.stringify({ ...state, resources: [{ mode: 'managed', type: `${SECRET} x`, instances: [] }] }),
    'not-a-state',
  ],
  ['what OpenTofu encrypted', JSON.stringify({ serial: 1, lineage: 'x', encrypted_data: SECRET }), 'encrypted-state'],
])('%s is refused by its place, and nothing of it is told', (_what, text, code) => {
  const found = readTerraformState(text);
  expect(found).toMatchObject({ ok: false, code });
  expect(JSON.stringify(found)).not.toContain('4711');
});

test('the sum of a state tells every other content, and not the version of the program that wrote it', () => {
  const sum = (more: object) => stateSum(JSON.stringify({ ...state, ...more }));
  expect(sum({ terraform_version: '1.12.0-beta1' })).toBe(sum({}));
  expect(sum({ outputs: { password: { value: 'geheim-4712' } } })).not.toBe(sum({}));
  expect(sum({ resources: [] })).not.toBe(sum({}));
  // Of a value that is called alike only what comes first isn't looked at.
  expect(sum({ outputs: { terraform_version: 'a' } })).not.toBe(sum({ outputs: { terraform_version: 'b' } }));
});

test('a type that is named like a property of every object is counted like any other', () => {
  const resources = ['constructor', 'toString'].map((type) => ({ mode: 'managed', type, instances: [{}] }));
  expect(read({ ...state, resources })).toMatchObject({
    ok: true,
    state: { resources: { constructor: 1, toString: 1 } },
  });
});

test('whatever stands there, it never throws', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom('version', 'serial', 'lineage', 'resources', 'terraform_version'),
      (value, field) => {
        expect(typeof read({ ...state, [field]: value }).ok).toBe('boolean');
        expect(typeof read(value).ok).toBe('boolean');
      },
    ),
  );
});
