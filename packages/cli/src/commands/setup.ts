import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { generateSigningKey, loadTrust, parseDocuments, type SigningKey, savePrivateKey } from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { localKey } from '../releases/local-key.ts';
import { serviceAt } from '../releases/service-folder.ts';
import { trustText } from '../setup/trust-text.ts';

/** The first hour of a service on a server of this machine: what would else be five commands and two files. */
export const setup: Install = (program, act) => {
  program
    .command('setup <service>')
    .description('declare a service, make its signing key and trust file, and what its agent is handed; repeatable')
    .action(
      act(async (session, path: string) => {
        const { client, out, cwd, env } = session;
        const found = await serviceAt(resolve(cwd, path));
        if (found === undefined)
          throw new Failure(EXIT.usage, 'usage', `${path} holds no Service`, 'write one with: headgate init');
        const folder = dataFolder(env, cwd);
        if (folder === undefined || !existsSync(join(folder, 'log.pub')))
          throw new Failure(
            EXIT.usage,
            'no-data-folder',
            'setup works beside the server’s own data folder, and none is here or above',
            'start headgate-server here, or set HEADGATE_DATA',
          );
        const { applied } = await client.call('applyDocuments', {
          body: { files: [{ name: path, text: found.documents }], dryRun: false },
        });
        const key = join(folder, 'ci', 'release.key');
        const trustFile = join(folder, 'trust.yaml');
        const signer = keyAt(key);
        writeTrust(trustFile, found.service.metadata, signer, readFileSync(join(folder, 'log.pub'), 'utf8').trim());
        const handed = await handOver(session, folder, found.service.metadata.name, found.documents, trustFile);
        const said = {
          applied: applied.length,
          key,
          trust: trustFile,
          handed,
          next: [
            `headgate-agent enrol --handed ${relative(cwd, handed)} --service ${relative(cwd, found.file)}`,
            `headgate-agent take-up --config ${relative(cwd, join(folder, 'agent', 'agent.yaml'))} --service ${relative(cwd, found.file)} --version VERSION`,
            `headgate-agent run --config ${relative(cwd, join(folder, 'agent', 'agent.yaml'))}`,
          ],
        };
        out.answer(
          said,
          [
            `${applied.length} documents are declared; releases are signed with ${relative(cwd, key)}`,
            `whom Headgate believes stands in ${relative(cwd, trustFile)}: read it, it is yours to change`,
            'next, where the service runs:',
            ...said.next.map((line) => `  ${line}`),
          ].join('\n'),
        );
        return EXIT.ok;
      }),
    );
};

function keyAt(file: string): SigningKey {
  if (!existsSync(file)) {
    mkdirSync(resolve(file, '..'), { recursive: true, mode: 0o700 });
    savePrivateKey(file, generateSigningKey().privateKeyPem);
  }
  return localKey(file);
}

/** A trust file that is there is a person's word and never changed: it has to name the key already. */
function writeTrust(file: string, metadata: { name: string; owner: string }, key: SigningKey, verifier: string): void {
  if (!existsSync(file)) {
    writeFileSync(file, trustText(metadata, key.publicKeyPem, verifier), { mode: 0o600, flag: 'wx' });
    return;
  }
  const read = loadTrust(file);
  if (!read.ok) throw new Failure(EXIT.refused, 'trust', read.problems.map((p) => p.message).join('\n'));
  if (!read.trust.signers.some((signer) => signer.keyId === key.keyId))
    throw new Failure(
      EXIT.refused,
      'trust',
      `${file} doesn't name the key that releases are signed with here`,
      `add it to spec.signers:\n${key.publicKeyPem}`,
    );
}

/** What the agent needs of us, in a folder that a person carries to it: token, trust, and what it is to hold us to. */
async function handOver(
  { client, env }: Session,
  folder: string,
  service: string,
  documents: string,
  trustFile: string,
): Promise<string> {
  const agent = join(folder, 'agent');
  mkdirSync(agent, { recursive: true, mode: 0o700 });
  const parsed = parseDocuments(documents, { file: service });
  if (!parsed.ok)
    throw new Failure(EXIT.refused, 'service-malformed', parsed.problems.map((p) => p.message).join('\n'));
  const of = (kind: string) => parsed.documents.filter(({ content }) => content.kind === kind);
  const policies = new Map(of('Policy').map(({ content, digest }) => [content.metadata.name, digest]));
  const acted = [...of('Verification'), ...of('Reconciliation')].map(({ digest }) => digest);
  const environments = of('Environment').map(({ content }) => {
    const { policy } = content.spec as { policy: string };
    return { name: content.metadata.name, policyDigest: policies.get(policy), documents: acted };
  });
  const id = `agt_${service}`;
  const tokenFile = join(agent, 'token');
  if (!existsSync(tokenFile)) {
    const enrolled = await client.call('enrolAgent', {
      body: { id, environments: environments.map(({ name }) => name) },
    });
    writeFileSync(tokenFile, `${enrolled.token}\n`, { mode: 0o600, flag: 'wx' });
  }
  const { url } = JSON.parse(readFileSync(join(folder, 'server.json'), 'utf8')) as { url: string };
  const handed = join(agent, 'handed.json');
  const server = env.HEADGATE_SERVER ?? url;
  const text = JSON.stringify(
    { server, name: id, tokenFile: 'token', trustFile: relative(agent, trustFile), environments },
    null,
    2,
  );
  writeFileSync(handed, `${text}\n`, { mode: 0o600 });
  return handed;
}
