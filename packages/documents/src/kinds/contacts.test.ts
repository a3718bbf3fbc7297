import { describe, expect, test } from 'vitest';
import { checkManifest } from '../trust/manifest.ts';
import { parseDocuments } from './parse-documents.ts';

function problem(contact: string): string {
  const text = `apiVersion: headgate/v1\nkind: Environment\nmetadata: {name: live, owner: ops}\nspec: {application: shop, policy: p, calendars: [], agent: a, contacts: [${contact}]}\n`;
  const read = parseDocuments(text, { file: 'e.yaml' });
  return read.ok ? '' : read.problems.map(({ message }) => message).join('; ');
}

describe('a contact', () => {
  test.each([
    '{name: Ida, role: on-call, phone: "+44 20 7946 0018"}',
    '{name: Desk, role: data-loss, chat: "#data", hours: 9 to 5}',
    '{name: Žofie Łuć, role: customer, email: zofie@acme.example, phone: 020 7946-0018 ext. 7}',
  ])('may be %s', (contact) => {
    expect(problem(contact)).toBe('');
  });

  test.each([
    ['by no way', '{name: Ida, role: owner}', 'a phone, an email or a chat'],
    ['in a role that nobody knows', '{name: Ida, role: boss, chat: x}', 'one of on-call, owner'],
    ['whose number dials something else', '{name: Ida, role: owner, phone: "*#06#;123"}', 'a phone number'],
    ['whose address is a header', '{name: Ida, role: owner, email: "a@b.example\\r\\nBcc: c@d.example"}', 'e-mail'],
    ['whose name turns what follows around', '{name: "Ida \\u202E", role: owner, chat: x}', 'one line'],
    ['with a note', '{name: Ida, role: owner, chat: x, note: y}', 'unknown field'],
  ])('is none %s', (_title, contact, expected) => {
    expect(problem(contact)).toContain(expected);
  });
});

describe('a runbook', () => {
  const file = { name: 'web.mjs', digest: `sha256:${'a'.repeat(64)}`, size: 1 };
  const manifest = (runbook: object) => ({
    ...{ apiVersion: 'headgate/v1', kind: 'Release', application: 'shop', version: '1', authors: ['usr_a'] },
    components: [{ name: 'web', role: 'web', recovery: 'stateless', files: [file], command: ['web'], healthPath: '/' }],
    ...{ schemaRange: { min: 1, max: 1 }, migrations: [], configuration: {}, rollbackConditions: [] },
    ...{ notes: '', origin: 'built', runbooks: [runbook] },
  });
  test.each([
    [{ title: 'Ledger down', text: 'Stop the poster.' }, true],
    [{ title: 'Ledger down', url: 'https://runbooks.example/ledger' }, true],
    [{ title: 'Ledger down', url: 'http://runbooks.example/ledger' }, false],
    [{ title: 'Ledger down', url: 'javascript:alert(1)' }, false],
    [{ title: 'Ledger down', url: 'https://a@b.example' }, false],
    [{ text: 'without a title' }, false],
  ])('%j is taken: %s', (runbook, taken) => {
    expect(checkManifest(manifest(runbook)).ok).toBe(taken);
  });
});
