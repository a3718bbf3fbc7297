/**
 * The pinned trust file: whose releases, evidence and approvals count, and which log. A person hands it over, at an
 * agent's enrolment for instance; it is never taken from the server or its data. A YAML document like the others:
 *
 *     apiVersion: headgate/v1
 *     kind: Trust
 *     metadata: {name: production, owner: security}
 *     spec:
 *       signers:
 *         - name: ci
 *           may: [release, evidence]
 *           publicKey: |
 *             -----BEGIN PUBLIC KEY----- …
 *       log:
 *         origin: headgate.example/log
 *         keys: [headgate.example/log+1a2b3c4d+AX…]
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { API_VERSION } from '@headgate/domain';
import { z } from 'zod';
import { digestOfJson } from '../digest.ts';
import { type NoteKeyKind, type NoteVerifier, parseVerifierKey } from '../log/note-key.ts';
import {
  distinct,
  expects,
  fields,
  list,
  mapping,
  name,
  named,
  oneOf,
  principal,
  text,
  whole,
} from '../schema/fields.ts';
import { problemsOf } from '../schema/problems.ts';
import { toCurrent } from '../versions/conversions.ts';
import { type DocumentProblem, problemAt, readYaml } from '../yaml/read-yaml.ts';
import { isAllowedKey, keyIdOf } from './signing-key.ts';
import { DUTIES, type Trust, type TrustedSigner } from './trust.ts';

const MAX_TRUST_BYTES = 256 * 1024;

const keyPhrase = expects('a public key as PEM (-----BEGIN PUBLIC KEY-----), ECDSA P-256 or Ed25519');
const publicKey = z
  .string(keyPhrase)
  .max(2_000, keyPhrase)
  .refine((pem) => publicKeyOf(pem) !== undefined, keyPhrase);

const verifierKey = (kind: NoteKeyKind) => {
  const phrase = expects(`a verifier key line of a ${kind} key: <name>+<8 hexadecimal digits>+<base64>`);
  return z.string(phrase).refine((line) => verifierOf(line)?.kind === kind, phrase);
};

const signer = fields({
  name: name.describe('What people call the key.'),
  may: distinct(oneOf(...DUTIES), 1, DUTIES.length, (duty) => duty).describe('What the key may sign.'),
  publicKey,
  principal: principal.exactOptional().describe('Whose approvals the key signs.'),
}).check((context) => {
  const { may, principal: who } = context.value;
  if (may.includes('approval') === (who !== undefined)) return;
  const message = may.includes('approval')
    ? 'expected:the principal whose approvals it signs'
    : 'expected:no principal: the key may not sign approvals';
  context.issues.push({ code: 'custom', message, path: ['principal'], input: who });
});

const spec = fields({
  signers: named(signer, 1, 200),
  log: fields({
    origin: text(200, 'the log’s origin line').regex(/^[^\s\p{C}]+$/u, expects('an origin without spaces')),
    keys: list(verifierKey('tree-head'), 1, 20).describe('The log’s own keys: any one of them suffices.'),
    witnesses: list(verifierKey('witness'), 0, 100).default([]).describe('Agents and others that co-sign tree heads.'),
    minWitnesses: whole(0, 100).default(0).describe('How many different ones must have co-signed.'),
  }),
});

export const trustSchema = fields({
  apiVersion: z.literal(API_VERSION, expects(`"${API_VERSION}"`)),
  kind: z.literal('Trust', expects('"Trust"')),
  metadata: fields({ name, owner: text(100), labels: mapping(text(63), text(200), 50).exactOptional() }),
  spec,
}).describe('Whose releases, evidence and approvals count, and which log. Pinned by a person.');

export type TrustFile = z.output<typeof trustSchema>;

export type ReadTrust =
  | { readonly ok: true; readonly trust: Trust }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** Reads a trust file's text; problems come with line and column. Never throws on what comes from outside. */
export function parseTrust(text: string, file: string): ReadTrust {
  const nowhere = { file, line: 1, column: 1 };
  const problem = (expected: string, found: string): ReadTrust => ({
    ok: false,
    problems: [problemAt(nowhere, { path: [], expected, found })],
  });
  if (text.length > MAX_TRUST_BYTES) return problem(`at most ${MAX_TRUST_BYTES} bytes`, `${text.length}`);
  const read = readYaml(text, file);
  if (!read.ok) return read;
  const [yaml, second] = read.documents;
  if (yaml === undefined || second !== undefined)
    return problem('one document of kind Trust', String(read.documents.length));
  const current = toCurrent(yaml.value);
  if (!current.ok) return { ok: false, problems: [problemAt(yaml.placeOf(current.problem.path), current.problem)] };
  const parsed = trustSchema.safeParse(current.value);
  if (!parsed.success) {
    const found = problemsOf(parsed.error, current.value, trustSchema);
    return { ok: false, problems: found.map((each) => problemAt(yaml.placeOf(each.path), each)) };
  }
  const signers = parsed.data.spec.signers.map(signerOf);
  const twice = signers.findIndex((each, i) => signers.findIndex((other) => other.keyId === each.keyId) < i);
  if (twice >= 0) {
    // One key under two names would make it depend on order what it may sign.
    const path = ['spec', 'signers', twice, 'publicKey'];
    return {
      ok: false,
      problems: [
        problemAt(yaml.placeOf(path), { path, expected: 'each key once', found: 'a key that another signer has' }),
      ],
    };
  }
  const { origin, keys, witnesses, minWitnesses } = parsed.data.spec.log;
  const log = {
    origin,
    logKeys: keys.map((line) => verifierOf(line)!),
    witnesses: witnesses.map((line) => verifierOf(line)!),
    minWitnesses,
  };
  return { ok: true, trust: { name: parsed.data.metadata.name, signers, log, digest: digestOfJson(parsed.data) } };
}

/** Reads the trust file at a path. A missing or unreadable file is a problem, too. */
export function loadTrust(path: string): ReadTrust {
  const problem = (found: string): ReadTrust => ({
    ok: false,
    problems: [
      problemAt(
        { file: path, line: 1, column: 1 },
        { path: [], expected: `a readable trust file of at most ${MAX_TRUST_BYTES} bytes`, found },
      ),
    ],
  });
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return problem(String((error as NodeJS.ErrnoException).code));
  }
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) return problem('no file');
    if (facts.size > MAX_TRUST_BYTES) return problem(`${facts.size} bytes`);
    return parseTrust(readFileSync(file, 'utf8'), path);
  } finally {
    closeSync(file);
  }
}

function signerOf(signer: TrustFile['spec']['signers'][number]): TrustedSigner {
  const key = publicKeyOf(signer.publicKey)!;
  const base = { name: signer.name, keyId: keyIdOf(key), publicKey: key, may: signer.may };
  return signer.principal === undefined ? base : { ...base, principal: signer.principal };
}

function publicKeyOf(pem: string): KeyObject | undefined {
  // Node would take a private key, too, and derive the public one: a private key has no business here.
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) return undefined;
  try {
    const key = createPublicKey(pem);
    return isAllowedKey(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function verifierOf(line: string): NoteVerifier | undefined {
  const parsed = parseVerifierKey(line);
  return parsed.ok ? parsed.key : undefined;
}
