import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReleaseManifest } from '@headgate/domain';
import fc from 'fast-check';
import { afterAll, describe, expect, it, test } from 'vitest';
import { canonicalBytes } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { openApproval, signApproval } from './approval.ts';
import { checkManifest, readManifest } from './manifest.ts';
import { APPROVAL_PREDICATE, RELEASE_PREDICATE } from './predicates.ts';
import { openRelease, sealRelease } from './release.ts';
import { signStatement } from './sign.ts';
import { generateSigningKey, loadPrivateKey, type SigningKeyPair, savePrivateKey, signingKey } from './signing-key.ts';
import { statementAbout } from './statement.ts';
import type { Duty, TrustedSigner } from './trust.ts';
import { twinOf } from './twin-signature.ts';
import { expectStatement, MAX_BUNDLE_BYTES, verifyBundle } from './verify.ts';

const folder = mkdtempSync(join(tmpdir(), 'headgate-trust-'));
afterAll(() => rmSync(folder, { recursive: true }));

function signer(pair: SigningKeyPair, may: readonly Duty[], principal?: string): TrustedSigner {
  const base = { name: may.join('-'), keyId: pair.keyId, publicKey: createPublicKey(pair.publicKeyPem), may };
  return principal === undefined ? base : { ...base, principal };
}

const releasePair = generateSigningKey();
const releaseKey = signingKey(releasePair.privateKeyPem);
const approverPair = generateSigningKey();
const approverKey = signingKey(approverPair.privateKeyPem);
const trust = { signers: [signer(releasePair, ['release']), signer(approverPair, ['approval'], 'usr_ada')] };

const someDigest = digestOf('something');
const file = { name: 'web/main.js', digest: someDigest, size: 10 };
const manifest: ReleaseManifest = {
  apiVersion: 'headgate/v1',
  kind: 'Release',
  application: 'psa',
  version: '1.1.0',
  authors: ['usr_dev'],
  components: [
    {
      name: 'web',
      role: 'web',
      recovery: 'stateless',
      files: [file],
      command: ['${node}', '${dir}/web/main.js'],
      healthPath: '/health',
    },
    { name: 'worker', role: 'worker', recovery: 'stateful', files: [file], command: ['${node}', '${dir}/web/main.js'] },
  ],
  schemaRange: { min: 1, max: 2 },
  migrations: [
    {
      id: '0002-discounts',
      from: 1,
      to: 2,
      phase: 'expand',
      up: { name: '0002.up.sql', digest: someDigest, size: 5 },
      undo: 'keep',
    },
  ],
  configuration: { web: { LOG_LEVEL: 'info' } },
  rollbackConditions: [],
  notes: 'Discounts on invoices',
  origin: 'built',
};

function sealed() {
  const seal = sealRelease(manifest, releaseKey, 1_767_225_600_000);
  if (!seal.ok) throw new Error(seal.why);
  return seal;
}

describe('signed bundles', () => {
  const statement = statementAbout('x', someDigest, RELEASE_PREDICATE, { a: 1 });
  const bundle = signStatement(statement, releaseKey);

  it('have cosign’s form: v0.3, DSSE, in-toto payload, public-key hint', () => {
    expect(bundle).toMatchObject({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: releasePair.keyId } },
      dsseEnvelope: { payloadType: 'application/vnd.in-toto+json', signatures: [{ sig: expect.any(String) }] },
    });
    // With a key id in the envelope cosign 3.1 finds no signature.
    expect(bundle.dsseEnvelope?.signatures[0]?.keyid ?? '').toBe('');
  });

  it('open as a value, as text and as bytes, with the same digest', () => {
    const opened = verifyBundle(bundle, trust, 'release');
    expect(opened).toMatchObject({ ok: true, keyId: releasePair.keyId, statement });
    expect(verifyBundle(JSON.stringify(bundle, null, 2), trust, 'release')).toEqual(opened);
    expect(verifyBundle(Buffer.from(JSON.stringify(bundle)), trust, 'release')).toEqual(opened);
    if (!opened.ok) return;
    expect(opened.digest).toBe(digestOf(canonicalBytes(JSON.parse(JSON.stringify(bundle)))));
    expect(expectStatement(opened, RELEASE_PREDICATE, someDigest)).toBeUndefined();
    expect(expectStatement(opened, APPROVAL_PREDICATE)).toMatchObject({ code: 'wrong-predicate' });
    expect(expectStatement(opened, RELEASE_PREDICATE, digestOf('else'))).toMatchObject({ code: 'wrong-subject' });
  });

  it('may be signed with Ed25519, too', () => {
    const pem = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
      format: 'der',
      type: 'pkcs8',
    }).export({ format: 'pem', type: 'pkcs8' });
    const key = signingKey(pem.toString());
    const pinned = { signers: [{ ...signer({ ...key, privateKeyPem: '' }, ['evidence']), keyId: key.keyId }] };
    expect(verifyBundle(signStatement(statement, key), pinned, 'evidence').ok).toBe(true);
  });

  it('are refused when the key is unknown, lacks the duty, or only claims to be a pinned one', () => {
    const stranger = signingKey(generateSigningKey().privateKeyPem);
    expect(verifyBundle(signStatement(statement, stranger), trust, 'release')).toMatchObject({
      ok: false,
      code: 'key-unknown',
    });
    expect(verifyBundle(bundle, trust, 'approval')).toMatchObject({ ok: false, code: 'key-not-allowed' });
    const impostor = signStatement(statement, { ...stranger, keyId: releasePair.keyId });
    expect(verifyBundle(impostor, trust, 'release')).toMatchObject({ ok: false, code: 'signature-invalid' });
  });

  test.each([
    ['a certificate', { ...bundle, verificationMaterial: { certificate: { rawBytes: 'AA==' } } }],
    [
      'two signatures',
      {
        ...bundle,
        dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [1, 2].map(() => bundle.dsseEnvelope!.signatures[0]) },
      },
    ],
    ['an unknown field', { ...bundle, more: 1 }],
    [
      'a message signature',
      { mediaType: bundle.mediaType, verificationMaterial: bundle.verificationMaterial, messageSignature: {} },
    ],
    ['another payload type', { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payloadType: 'text/plain' } }],
    ['null', null],
    ['nothing', undefined],
    ['an old version', { ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' }],
  ])('with %s are refused', (_, value) => {
    expect(verifyBundle(value, trust, 'release')).toMatchObject({ ok: false, code: 'bundle-malformed' });
  });

  it('are bounded', () => {
    expect(verifyBundle(' '.repeat(MAX_BUNDLE_BYTES + 1), trust, 'release')).toMatchObject({
      code: 'bundle-too-large',
    });
  });

  it('never open after a byte was changed, and never make the reader throw', () => {
    const bytes = Buffer.from(JSON.stringify(bundle));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, x) => {
        const changed = Buffer.from(bytes);
        changed[at]! ^= x;
        expect(verifyBundle(changed, trust, 'release').ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), fc.string(), fc.json()),
        (value) => {
          expect(verifyBundle(value, trust, 'release').ok).toBe(false);
        },
      ),
    );
  });
});

describe('releases', () => {
  it('open with their manifest, identity and signer', () => {
    const { bytes, digest, bundle } = sealed();
    expect(digest).toBe(digestOf(bytes));
    expect(openRelease(bytes, bundle, trust)).toEqual({
      ok: true,
      manifest,
      ref: { digest, version: '1.1.0' },
      keyId: releasePair.keyId,
      signer: 'release',
      createdAt: 1_767_225_600_000,
    });
  });

  it('never open with another byte in the manifest', () => {
    const { bytes, bundle } = sealed();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, x) => {
        const changed = Buffer.from(bytes);
        changed[at]! ^= x;
        expect(openRelease(changed, bundle, trust)).toMatchObject({ ok: false, code: 'wrong-subject' });
      }),
    );
  });

  it('never open with another release’s signature, or with a statement that contradicts the manifest', () => {
    const { bytes, digest } = sealed();
    const other = sealRelease({ ...manifest, version: '1.2.0' }, releaseKey, 0);
    expect(openRelease(bytes, other.ok && other.bundle, trust)).toMatchObject({ code: 'wrong-subject' });
    const evidence = signStatement(statementAbout('psa@1.1.0', digest, APPROVAL_PREDICATE, {}), releaseKey);
    expect(openRelease(bytes, evidence, trust)).toMatchObject({ code: 'wrong-predicate' });
    const predicate = {
      application: 'psa',
      version: '9.9.9',
      manifest: digest,
      origin: 'built',
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    const lying = signStatement(statementAbout('psa@1.1.0', digest, RELEASE_PREDICATE, predicate), releaseKey);
    expect(openRelease(bytes, lying, trust)).toMatchObject({ code: 'predicate-malformed' });
    const empty = signStatement(statementAbout('psa@1.1.0', digest, RELEASE_PREDICATE, {}), releaseKey);
    expect(openRelease(bytes, empty, trust)).toMatchObject({ code: 'predicate-malformed' });
  });
});

const web = manifest.components[0]!;
const migration = manifest.migrations[0]!;

describe('manifests', () => {
  test.each<[string, unknown, string, string]>([
    [
      'an unknown field',
      { ...manifest, schemarange: 1 },
      '/schemarange',
      'found the unknown field "schemarange", did you mean "schemaRange"?',
    ],
    ['a missing field', { ...manifest, version: undefined }, '/version', 'found nothing'],
    ['another API version', { ...manifest, apiVersion: 'v1' }, '/apiVersion', 'expected "headgate/v1", found "v1"'],
    ['a bad name', { ...manifest, application: 'PSA' }, '/application', 'expected a name'],
    ['no author', { ...manifest, authors: [] }, '/authors', 'at least one author'],
    ['an author twice', { ...manifest, authors: ['a', 'a'] }, '/authors/1', 'each author once'],
    ['a component twice', { ...manifest, components: [web, web] }, '/components/1/name', 'no other component'],
    [
      'a web without health',
      { ...manifest, components: [{ ...web, healthPath: undefined }] },
      '/components/0/healthPath',
      'path',
    ],
    [
      'a strange placeholder',
      { ...manifest, components: [{ ...web, command: ['${HOME}/x'] }] },
      '/components/0/command/0',
      '${HOME}',
    ],
    [
      'a shell string for a command',
      { ...manifest, components: [{ ...web, command: 'node main.js' }] },
      '/components/0/command',
      'expected a list',
    ],
    [
      'a path that escapes',
      { ...manifest, components: [{ ...web, files: [{ ...file, name: '../x' }] }] },
      '/components/0/files/0/name',
      'relative file path',
    ],
    [
      'an absolute path',
      { ...manifest, components: [{ ...web, files: [{ ...file, name: '/etc/x' }] }] },
      '/components/0/files/0/name',
      'relative file path',
    ],
    [
      'a file where a folder is',
      { ...manifest, components: [{ ...web, files: [file, { ...file, name: 'web' }] }] },
      '/components/0/files/0/name',
      'the file "web"',
    ],
    [
      'names that differ by case',
      { ...manifest, components: [{ ...web, files: [file, { ...file, name: 'Web/Main.js' }] }] },
      '/components/0/files/1/name',
      'no other file',
    ],
    [
      'a fraction of a byte',
      { ...manifest, components: [{ ...web, files: [{ ...file, size: 0.5 }] }] },
      '/components/0/files/0/size',
      'a whole number from 0',
    ],
    [
      'a short digest',
      { ...manifest, components: [{ ...web, files: [{ ...file, digest: 'sha256:00' }] }] },
      '/components/0/files/0/digest',
      'a digest',
    ],
    ['an empty range', { ...manifest, schemaRange: { min: 3, max: 2 } }, '/schemaRange', 'min <= max'],
    ['a range without the target', { ...manifest, schemaRange: { min: 0, max: 1 } }, '/schemaRange', 'contains 2'],
    [
      'a migration that leaps',
      { ...manifest, migrations: [{ ...migration, to: 3 }], schemaRange: { min: 1, max: 3 } },
      '/migrations/0/to',
      'one version further',
    ],
    [
      'a gap between migrations',
      {
        ...manifest,
        migrations: [migration, { ...migration, id: 'x', from: 3, to: 4 }],
        schemaRange: { min: 1, max: 4 },
      },
      '/migrations/1/from',
      '2: where the migration before it ends',
    ],
    [
      'undo by a missing down file',
      { ...manifest, migrations: [{ ...migration, undo: 'down' }] },
      '/migrations/0/down',
      'a down file',
    ],
    [
      'configuration of nobody',
      { ...manifest, configuration: { db: {} } },
      '/configuration/db',
      'the name of a component',
    ],
    [
      'a password',
      { ...manifest, configuration: { web: { DB: 'postgres://u:hunter2@h/d' } } },
      '/configuration/web/DB',
      'no secret',
    ],
  ])('with %s are refused by place', (_, wrong, pointer, words) => {
    const value = JSON.parse(JSON.stringify(wrong));
    const checked = checkManifest(value);
    if (checked.ok) throw new Error('was accepted');
    expect(checked.problems.map((p) => p.pointer)).toContain(pointer);
    expect(checked.why).toContain(words);
    expect(checked.why).not.toContain('hunter2');
  });

  it('are read only as canonical bytes, within bounds, and never throw', () => {
    const { bytes } = sealed();
    expect(readManifest(bytes)).toMatchObject({ ok: true, digest: digestOf(bytes) });
    expect(readManifest(Buffer.from(JSON.stringify(manifest, null, 1)))).toMatchObject({
      ok: false,
      code: 'manifest-malformed',
    });
    expect(readManifest(Buffer.from(bytes.toString().replace('"notes":', '"notes":"first","notes":')))).toMatchObject({
      ok: false,
    });
    expect(readManifest(Buffer.from(bytes.toString().replace('{"LOG', '{"__proto__":"x","LOG')))).toMatchObject({
      ok: false,
    });
    expect(readManifest(Buffer.alloc(2 ** 20 + 1))).toMatchObject({ ok: false, code: 'manifest-too-large' });
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(readManifest(Buffer.from(text)).ok).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(checkManifest({ ...manifest, notes: value }).ok).toBe(typeof value === 'string');
        expect(checkManifest(value).ok).toBe(false);
      }),
    );
  });

  it('with many problems name at most 20', () => {
    const checked = checkManifest({ ...manifest, components: Array.from({ length: 50 }, () => ({})) });
    expect(!checked.ok && checked.problems.length).toBe(20);
  });
});

describe('approvals', () => {
  const content = { envelope: someDigest, by: 'usr_ada', at: 1_000, expiresAt: 2_000 };

  it('open with the envelope that they bind to', () => {
    const bundle = signApproval(content, approverKey);
    expect(openApproval(bundle, trust, someDigest)).toMatchObject({
      ok: true,
      approval: { ...content, proof: 'signed', keyId: approverPair.keyId },
    });
    expect(openApproval(bundle, trust, digestOf('another envelope'))).toMatchObject({
      ok: false,
      code: 'wrong-subject',
    });
  });

  it('are refused in another person’s name, from a key without the duty, or expired when given', () => {
    expect(openApproval(signApproval({ ...content, by: 'usr_bob' }, approverKey), trust)).toMatchObject({
      code: 'approval-not-own',
    });
    expect(openApproval(signApproval(content, releaseKey), trust)).toMatchObject({ code: 'key-not-allowed' });
    expect(openApproval(signApproval({ ...content, expiresAt: 1_000 }, approverKey), trust)).toMatchObject({
      code: 'approval-malformed',
    });
    const odd = signStatement(statementAbout('envelope', someDigest, APPROVAL_PREDICATE, { by: 1 }), approverKey);
    expect(openApproval(odd, trust)).toMatchObject({ code: 'approval-malformed', where: 'predicate.by' });
  });
});

describe('private key files', () => {
  it('are for their owner alone, never overwritten, and read back', () => {
    const path = join(folder, 'release.pem');
    savePrivateKey(path, releasePair.privateKeyPem);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadPrivateKey(path)).toEqual({ ok: true, privateKeyPem: releasePair.privateKeyPem });
    expect(() => savePrivateKey(path, 'other')).toThrow('EEXIST');
  });

  it('are refused when others may read them, when missing, and when they are none, without quoting them', () => {
    const path = join(folder, 'open.pem');
    savePrivateKey(path, releasePair.privateKeyPem);
    chmodSync(path, 0o644);
    expect(loadPrivateKey(path)).toMatchObject({ ok: false, where: path, unblock: `chmod 600 ${path}` });
    expect(loadPrivateKey(join(folder, 'none.pem'))).toMatchObject({
      ok: false,
      why: expect.stringContaining('ENOENT'),
    });
    const odd = join(folder, 'odd.pem');
    writeFileSync(odd, 'hunter2', { mode: 0o600 });
    const refused = loadPrivateKey(odd);
    expect(refused.ok).toBe(false);
    expect(JSON.stringify(refused)).not.toContain('hunter2');
    expect(loadPrivateKey(folder)).toMatchObject({ ok: false });
  });
});

describe('a signed statement is told apart by what was signed and by whom', () => {
  const statement = statementAbout('psa@1', someDigest, RELEASE_PREDICATE, {});
  const signedParts = (bundle: unknown) => {
    const verified = verifyBundle(bundle, trust, 'release');
    if (!verified.ok) throw new Error(verified.why);
    return verified.signed;
  };
  const sign = () => JSON.parse(JSON.stringify(signStatement(statement, releaseKey)));
  const bundle = sign();
  const plain = signedParts(bundle);

  it('keeps the name of a bundle as our signer writes it, so that what is stored stays what it is', () => {
    expect(plain.bundle).toEqual(bundle);
    expect(plain.digest).toBe(digestOf(canonicalBytes(bundle)));
  });

  test.each<[string, (copy: ReturnType<typeof sign>) => void]>([
    ['log entries', (copy) => (copy.verificationMaterial.tlogEntries = [{ i: 1 }])],
    ['time stamps', (copy) => (copy.verificationMaterial.timestampVerificationData = { any: ['thing'] })],
    ['no time stamps', (copy) => delete copy.verificationMaterial.timestampVerificationData],
    ['the envelope’s key id', (copy) => (copy.dsseEnvelope.signatures[0].keyid = releasePair.keyId)],
  ])('whatever %s stand beside the signature', (_, change) => {
    const copy = structuredClone(bundle);
    change(copy);
    const { digest, said, also, bundle: kept } = signedParts(copy);
    expect({ digest, said, kept }).toEqual({ digest: plain.digest, said: plain.said, kept: bundle });
    expect(also).toContain(digestOf(canonicalBytes(copy)));
  });

  it('knows the twin of a signature, which verifies as well and takes no key to make', () => {
    for (let i = 0; i < 40; i++) {
      const one = sign();
      const [{ sig }] = one.dsseEnvelope.signatures;
      const [twin] = twinOf(sig);
      const other = structuredClone(one);
      other.dsseEnvelope.signatures[0].sig = twin;
      const parts = signedParts(other);
      expect(parts.digest).not.toBe(signedParts(one).digest);
      expect(parts.also).toContain(signedParts(one).digest);
      expect(parts.said).toBe(plain.said);
      expect(twinOf(twin as string)).toEqual([sig]);
    }
    for (const none of ['', 'AAAA', Buffer.alloc(64, 7).toString('base64')]) expect(twinOf(none)).toEqual([]);
  });

  it('is another one by another key, or with other words', () => {
    const other = generateSigningKey();
    const both = { signers: [...trust.signers, signer(other, ['release'])] };
    const said = (by: ReturnType<typeof signingKey>, content = statement) => {
      const verified = verifyBundle(signStatement(content, by), both, 'release');
      return verified.ok && verified.signed.said;
    };
    expect(said(releaseKey)).toBe(plain.said);
    expect(said(signingKey(other.privateKeyPem))).not.toBe(plain.said);
    expect(said(releaseKey, statementAbout('psa@2', someDigest, RELEASE_PREDICATE, {}))).not.toBe(plain.said);
  });
});
