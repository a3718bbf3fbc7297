import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '@headgate/adapters/machine/durable-file';
import { generateSigningKey, loadPrivateKey, type SigningKey, savePrivateKey, signingKey } from '@headgate/documents';

/** The key that signs the example's releases and evidence: what a CI system would hold. */
export async function releaseKey(folder: string): Promise<SigningKey> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'release.key');
  if (!existsSync(file)) savePrivateKey(file, generateSigningKey().privateKeyPem);
  const loaded = loadPrivateKey(file);
  if (!loaded.ok) throw new Error(`${file}: ${loaded.why}`);
  return signingKey(loaded.privateKeyPem);
}

/**
 * Writes the trust file: whose releases and evidence count, and the log's own key. In earnest a person carries it to the
 * server and to each agent; here we are that person.
 */
export async function writeTrust(file: string, key: SigningKey, logVerifierFile: string): Promise<void> {
  const verifier = (await readFile(logVerifierFile, 'utf8')).trim();
  const [origin] = verifier.split('+');
  const indented = key.publicKeyPem
    .trim()
    .split('\n')
    .map((line) => `        ${line}`)
    .join('\n');
  const text = `apiVersion: headgate/v1
kind: Trust
metadata: {name: psa, owner: security}
spec:
  signers:
    - name: ci
      may: [release, evidence]
      publicKey: |
${indented}
  log:
    origin: ${origin}
    keys: ["${verifier}"]
`;
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  await writeDurably(file, text, 0o600);
}
