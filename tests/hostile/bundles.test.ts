/**
 * What is signed, and what an agent fetches by digest: bundles of releases, evidence and approvals, the statements in them
 * (signed again after each mutation, so that the form alone stands between them and us), plans, and test reports. None
 * breaks its reader; a bundle with anything else in it than was signed is refused with a place.
 */
import { createPublicKey } from 'node:crypto';
import { Plans } from '@headgate/agent/artifacts/plans';
import {
  digestOf,
  generateSigningKey,
  NotCanonical,
  openApproval,
  openEvidence,
  openRelease,
  readJunit,
  sealRelease,
  signApproval,
  signingKey,
  signStatement,
  testResultStatement,
} from '@headgate/documents';
import { aManifest, aPlan } from '@headgate/testkit/domain/builders';
import { expect, test } from 'vitest';
import { Coverage } from './generate/coverage.ts';
import { fieldsIn, type JsonSchema } from './generate/fields.ts';
import { classesFor, type Mutant, mutantsOf } from './generate/mutations.ts';
import { few } from './generate/sample.ts';
import { serialise } from './generate/serialise.ts';
import { plain } from './http-cases.ts';

/** A schema of exactly this value: every one of its fields, with its type. */
function schemaOfValue(value: unknown): JsonSchema {
  if (Array.isArray(value)) return { type: 'array', ...(value.length > 0 && { items: schemaOfValue(value[0]) }) };
  if (typeof value !== 'object' || value === null) return { type: value === null ? 'null' : typeof value };
  const properties = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, schemaOfValue(each)]));
  return { type: 'object', properties };
}

const key = signingKey(generateSigningKey().privateKeyPem);
const signer = {
  name: 'ci',
  keyId: key.keyId,
  publicKey: createPublicKey(key.publicKeyPem),
  may: ['release', 'evidence', 'approval'],
  principal: 'usr_a',
};
const trust = { signers: [signer] } as unknown as Parameters<typeof openApproval>[1];

const files = [{ name: 'web.mjs', digest: digestOf('web'), size: 3 }];
const web = {
  name: 'web',
  role: 'web',
  recovery: 'stateless',
  files,
  command: ['node'],
  healthPath: '/healthz',
} as const;
const sealed = sealRelease(aManifest({ components: [web], migrations: [] }), key, 1_700_000_000_000);
if (!sealed.ok) throw new Error(sealed.why);
const statement = testResultStatement({
  release: 'shop@1.0.0',
  subject: sealed.digest,
  command: ['test'],
  exitCode: 0,
  log: digestOf('log'),
  tests: { passed: ['one'], failed: [], skipped: [] },
});
const approval = { envelope: digestOf('envelope'), by: 'usr_a', at: 1, expiresAt: 2 };

type Opened = { readonly ok: boolean; readonly where?: string; readonly why?: string };
interface Subject {
  readonly name: string;
  readonly value: object;
  read(value: unknown): Opened;
  /** What was signed may not differ in anything; of what is signed anew some fields are the signer's to say. */
  readonly strict: boolean;
}

const SUBJECTS: readonly Subject[] = [
  { name: 'release bundle', value: sealed.bundle, strict: true, read: (v) => openRelease(sealed.bytes, v, trust) },
  { name: 'evidence bundle', value: signStatement(statement, key), strict: true, read: (v) => openEvidence(v, trust) },
  {
    name: 'approval bundle',
    value: signApproval(approval, key),
    strict: true,
    read: (v) => openApproval(v, trust, approval.envelope),
  },
  {
    name: 'evidence, signed anew',
    value: statement,
    strict: false,
    read: (v) => openEvidence(signStatement(v as never, key), trust),
  },
];

/** Material of other verifiers, which travels along unread; the library's own form bounds it. */
const UNREAD = /^verificationMaterial\.(tlogEntries|timestampVerificationData)/;

test('no field of anything that is signed, in no class of mutation, breaks its reader; a bundle takes none', () => {
  const coverage = new Coverage();
  const wrong: string[] = [];
  for (const { name, value, read, strict } of SUBJECTS) {
    expect(read(value)).toMatchObject({ ok: true });
    const schema = schemaOfValue(value);
    coverage.expect(name, schema);
    for (const field of fieldsIn(schema, value))
      for (const of of classesFor(field))
        for (const mutant of few(
          mutantsOf(value, field, of, { letters: 60_000, keys: 501 }),
          `${name} ${field.id} ${of}`,
        )) {
          const fault = (why: string) => wrong.push(`${name} ${field.id} ${of} (${mutant.what}): ${why}`);
          const opened = opening(mutant, read);
          coverage.count(name, field.id, of, opened.ok ? 'accepted' : 'refused');
          if (opened.ok && strict && !UNREAD.test(field.id)) fault('taken');
          if (!opened.ok && opened.where === undefined) fault(`no place: ${opened.why}`);
        }
  }
  process.stdout.write(`\n${coverage.table()}\n${coverage.fields} fields, ${coverage.cases} values\n`);
  expect(wrong.slice(0, 20)).toEqual([]);
  expect(coverage.holes()).toEqual([]);
});

/** Bytes where there are some that JSON can't say; keys twice are refused by whoever reads a body, before this. */
function opening(mutant: Mutant, read: (value: unknown) => Opened): Opened {
  let value: unknown;
  try {
    value = plain(mutant.value);
  } catch {
    return { ok: false, where: 'the text itself' };
  }
  if (mutant.of === 'duplicate') return { ok: false, where: 'the text itself' };
  try {
    return read(value);
  } catch (error) {
    // What canonical JSON can't say can't be signed to begin with.
    if (error instanceof NotCanonical) return { ok: false, where: error.pointer };
    throw error;
  }
}

test('a plan that an agent fetches is read, or refused in words, whatever is in it', async () => {
  const value = aPlan() as unknown as object;
  const schema = schemaOfValue(value);
  let refused = 0;
  const seen = new Set<string>();
  for (const field of fieldsIn(schema, value)) {
    // Steps are alike: one of each field is enough.
    if (seen.has(field.id)) continue;
    seen.add(field.id);
    for (const of of classesFor(field))
      for (const mutant of few(mutantsOf(value, field, of, { letters: 2_000, keys: 50 }), `plan ${field.id} ${of}`)) {
        if (/ items$| deep$/.test(mutant.what)) continue;
        const bytes = serialise(mutant.value);
        const plans = new Plans({ get: async () => bytes } as unknown as ConstructorParameters<typeof Plans>[0]);
        const got = await plans.get(digestOf(bytes), new AbortController().signal);
        if (!got.ok) refused += 1;
        expect(got.ok ? got.plan.v : got.refusal.code).toBe(got.ok ? 1 : 'plan-malformed');
      }
  }
  expect(refused).toBeGreaterThan(50);
});

const CASE = '<testsuite failures="0"><testcase classname="a" name="NAME"/></testsuite>';
test.each([
  ['markup', CASE.replace('NAME', '&lt;script>alert(1)&lt;/script>'), true],
  ['an entity of its own', `<!DOCTYPE a [<!ENTITY b "c">]>${CASE.replace('NAME', '&b;')}`, false],
  ['a file', `<!DOCTYPE a SYSTEM "file:///etc/passwd">${CASE}`, false],
  ['a billion laughs', `<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>${CASE}`, false],
  ['a direction', CASE.replace('NAME', 'a\u202eb'), true],
  ['a control character', CASE.replace('NAME', 'a\u0000b'), false],
  ['a path', CASE.replace('NAME', '../../etc/passwd'), true],
  ['a prototype', CASE.replace('NAME', '__proto__'), true],
  ['an attribute twice', CASE.replace('name="NAME"', 'name="a" name="b"'), false],
  ['a count that is none', CASE.replace('"0"', '"-1"'), false],
  ['no end', CASE.slice(0, 40), false],
  ['depth', `${'<testsuite>'.repeat(100)}${'</testsuite>'.repeat(100)}`, false],
])('a test report with %s is read as text or refused with its line', (_what, xml, taken) => {
  const read = readJunit(xml);
  expect(read.ok).toBe(taken);
  if (!read.ok) expect(read.where).toMatch(/^line \d+, column \d+$/);
});

test('bytes of a report that are no UTF-8 are refused', () => {
  expect(readJunit(Buffer.from(CASE.replace('NAME', 'caf\u00e9'), 'latin1'))).toMatchObject({ ok: false });
});
