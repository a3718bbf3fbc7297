import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it, test } from 'vitest';
import { generateNoteKey } from '../log/note-key.ts';
import { generateSigningKey } from './signing-key.ts';
import { loadTrust, parseTrust } from './trust-file.ts';

const ci = generateSigningKey();
const ada = generateSigningKey();
const log = generateNoteKey('headgate.example/log', 'tree-head');
const agent = generateNoteKey('headgate.example/agent', 'witness');
const indented = (pem: string) => pem.trim().replaceAll('\n', '\n        ');

const TRUST = `apiVersion: headgate/v1
kind: Trust
metadata: {name: production, owner: security}
spec:
  signers:
    - name: ci
      may: [release, evidence]
      publicKey: |
        ${indented(ci.publicKeyPem)}
    - name: ada
      may: [approval]
      principal: usr_ada
      publicKey: |
        ${indented(ada.publicKeyPem)}
  log:
    origin: headgate.example/log
    keys: ["${log.verifierKey}"]
    witnesses: ["${agent.verifierKey}"]
`;

const folder = mkdtempSync(join(tmpdir(), 'headgate-trust-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a trust file', () => {
  it('says who may sign what, and whose log it is', () => {
    const read = parseTrust(TRUST, 'trust.yaml');
    if (!read.ok) throw new Error(read.problems.map((p) => p.message).join('\n'));
    expect(read.trust.signers).toMatchObject([
      { name: 'ci', keyId: ci.keyId, may: ['release', 'evidence'] },
      { name: 'ada', keyId: ada.keyId, may: ['approval'], principal: 'usr_ada' },
    ]);
    expect(read.trust.log).toMatchObject({
      origin: 'headgate.example/log',
      minWitnesses: 0,
      logKeys: [{ verifierKey: log.verifierKey }],
    });
    const path = join(folder, 'trust.yaml');
    writeFileSync(path, TRUST);
    const loaded = loadTrust(path);
    expect(loaded.ok && loaded.trust.digest).toBe(read.trust.digest);
  });

  test.each([
    [
      'a private key',
      TRUST.replace(indented(ci.publicKeyPem), indented(ci.privateKeyPem)),
      'spec.signers[0].publicKey: expected a public key as PEM',
    ],
    [
      'a key twice',
      TRUST.replace(indented(ada.publicKeyPem), indented(ci.publicKeyPem)),
      'spec.signers[1].publicKey: expected each key once',
    ],
    [
      'an approver without a name',
      TRUST.replace('      principal: usr_ada\n', ''),
      'spec.signers[1].principal: expected the principal whose approvals it signs',
    ],
    ['a principal who may not approve', TRUST.replace('may: [approval]', 'may: [evidence]'), 'expected no principal'],
    [
      'an unknown duty',
      TRUST.replace('[release, evidence]', '[releases]'),
      'expected one of release, evidence, approval, restore-point, reconciliation, found "releases", did you mean "release"?',
    ],
    [
      'a witness key for the log',
      TRUST.replace(`keys: ["${log.verifierKey}"]`, `keys: ["${agent.verifierKey}"]`),
      'spec.log.keys[0]: expected a verifier key line of a tree-head key',
    ],
    [
      'no log key',
      TRUST.replace(`keys: ["${log.verifierKey}"]`, 'keys: []'),
      'spec.log.keys: expected a list of 1 to 20 items',
    ],
    ['two documents', `${TRUST}---\n${TRUST}`, 'expected one document of kind Trust, found 2'],
    ['nothing', '', 'expected one document of kind Trust, found 0'],
    ['another kind', TRUST.replace('kind: Trust', 'kind: Policy'), 'kind: expected "Trust", found "Policy"'],
    ['too many bytes', `# ${'x'.repeat(300_000)}`, 'expected at most 262144 bytes'],
  ])('with %s is refused by place', (_, text, words) => {
    const read = parseTrust(text, 'trust.yaml');
    if (read.ok) throw new Error('was accepted');
    const all = read.problems.map((p) => p.message).join('\n');
    expect(all).toContain(words);
    expect(all).toMatch(/^trust\.yaml:\d+:\d+/);
    // The message shows the head of a PEM at most, never what would make a key.
    expect(all).not.toContain(ci.privateKeyPem.split('\n')[1]!.slice(0, 60));
  });

  it('that is missing or no file is refused', () => {
    expect(loadTrust(join(folder, 'none.yaml'))).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringContaining('found ENOENT') }],
    });
    expect(loadTrust(folder)).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining('no file') }] });
  });

  it('never makes the reader throw', () => {
    fc.assert(
      fc.property(fc.nat(TRUST.length), fc.nat(40), fc.string(), (at, length, insert) => {
        void parseTrust(TRUST.slice(0, at) + insert + TRUST.slice(at + length), 'x');
      }),
      { numRuns: 200 },
    );
  });
});
