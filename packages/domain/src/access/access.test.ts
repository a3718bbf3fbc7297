import { expect, test } from 'vitest';
import { ACCESS, mayDo, ROLES, type Role, type Verb } from './access.ts';

const VERBS = Object.keys(ACCESS) as Verb[];

function whoMay(verb: Verb): Role[] {
  return ROLES.filter((role) => mayDo({ id: 'usr_1', roles: [role] }, verb).allowed);
}

test('the table, as people read it', () => {
  expect(Object.fromEntries(VERBS.map((verb) => [verb, whoMay(verb).join(' ')]))).toMatchInlineSnapshot(`
    {
      "adopt": "release-manager operator admin",
      "answer": "release-manager approver operator admin",
      "apply": "release-manager admin",
      "approve": "approver",
      "attach-evidence": "developer release-manager admin",
      "carry-out": "agent",
      "freeze": "release-manager operator admin",
      "go": "release-manager approver admin",
      "keep": "release-manager admin",
      "manage-principals": "admin",
      "notify": "release-manager operator admin",
      "overtake": "release-manager admin",
      "pause": "release-manager operator admin",
      "promote": "developer release-manager admin",
      "read": "developer release-manager approver operator auditor admin",
      "read-log": "release-manager operator auditor agent admin",
      "record-drill": "release-manager operator agent admin",
      "record-reconciliation": "release-manager operator agent admin",
      "record-restoration": "release-manager operator agent admin",
      "register-release": "developer release-manager admin",
      "reject": "release-manager approver admin",
      "resume": "release-manager operator admin",
      "rollback": "release-manager operator admin",
    }
  `);
});

test('nobody may do anything without a role, and is told which one it takes', () => {
  for (const verb of VERBS) {
    const answer = mayDo({ id: 'usr_1', roles: [] }, verb);
    expect(answer).toMatchObject({ allowed: false });
    if (!answer.allowed) expect(answer.because).toContain(ACCESS[verb].join(', '));
  }
});

test('only approvers approve, and only agents carry out', () => {
  expect(whoMay('approve')).toEqual(['approver']);
  expect(whoMay('carry-out')).toEqual(['agent']);
  expect(VERBS.filter((verb) => whoMay(verb).includes('agent')).sort()).toEqual([
    'carry-out',
    'read-log',
    'record-drill',
    'record-reconciliation',
    'record-restoration',
  ]);
});

test('an auditor reads, and changes nothing', () => {
  expect(VERBS.filter((verb) => whoMay(verb).includes('auditor')).sort()).toEqual(['read', 'read-log']);
});
