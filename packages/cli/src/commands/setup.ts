import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { generateSigningKey, loadTrust, type SigningKey, savePrivateKey } from '@headgate/documents';
import type { Install } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { printable, warningLine } from '../output.ts';
import { cellsText, together } from '../promotions/objections.ts';
import { localKey } from '../releases/local-key.ts';
import { serviceAt } from '../releases/service-folder.ts';
import { type ChangedByOthers, changedByOthers, handOver } from '../setup/hand-over.ts';
import { nextSteps } from '../setup/next-steps.ts';
import { howToRead } from '../setup/pin-anew.ts';
import { trustText } from '../setup/trust-text.ts';

/** So many objections of an agent are told. */
const MOST_TOLD = 10;

/** The first hour of a service on a server of this machine: what would else be five commands and two files. */
export const setup: Install = (program, act) => {
  program
    .command('setup <service>')
    .description('declare a service, make its signing key and trust file, and what its agent is handed; repeatable')
    .option('--take-back', 'also declare anew what somebody else declared otherwise since the last setup')
    .option(
      '--running <version>',
      'what runs today, for the take-up that it prints; default: what Headgate knows, else package.json’s, else Git’s',
    )
    .action(
      act(async (session, path: string, { takeBack, running }: { takeBack?: boolean; running?: string }) => {
        const { client, out, cwd, env } = session;
        if (running !== undefined && !/^[0-9A-Za-z.+_-]{1,64}$/.test(running))
          throw new Failure(
            EXIT.usage,
            'usage',
            '--running: expected a version of at most 64 letters, digits, . + _ -',
          );
        const found = await serviceAt(resolve(cwd, path));
        if (found === undefined && !existsSync(resolve(cwd, path)))
          throw notThere(`there is no ${path}`, 'name the folder of the service, or its headgate.yaml');
        if (found === undefined)
          throw new Failure(EXIT.usage, 'usage', `${path} holds no Service`, 'write one with: headgate init');
        const folder = dataFolder(env, cwd);
        if (folder === undefined || !existsSync(join(folder, 'log.pub')))
          throw new Failure(
            EXIT.usage,
            'no-data-folder',
            'setup works beside the server’s own data folder, and none is here or above',
            'start one here: headgate-server --data .headgate; or set HEADGATE_DATA',
          );
        refuseDemonstration(folder);
        const { name } = found.service.metadata;
        if (takeBack !== true) refuseTakingBack(await changedByOthers(session, folder, name, found.documents), path);
        const { applied, warnings = [] } = await client.call('applyDocuments', {
          body: { files: [{ name: path, text: found.documents }], dryRun: false },
        });
        const key = join(folder, 'ci', 'release.key');
        const trustFile = join(folder, 'trust.yaml');
        const signer = keyAt(key);
        writeTrust(trustFile, found.service.metadata, signer, readFileSync(join(folder, 'log.pub'), 'utf8').trim());
        const handed = await handOver(session, folder, found.service.metadata.name, found.documents, trustFile);
        const agent = relative(cwd, dirname(handed.file));
        const changed = handed.changed || handed.objections.length > 0;
        const next = await nextSteps(session, found, { file: handed.file, changed }, running);
        const said = {
          applied: applied.length,
          warnings,
          key,
          trust: trustFile,
          handed: handed.file,
          changed,
          objections: handed.objections,
          widened: handed.widened,
          next: next.commands,
        };
        out.answer(
          said,
          [
            `${applied.length} documents are declared; releases are signed with ${relative(cwd, key)}`,
            ...warnings.map(warningLine),
            `what its agent is handed stands in ${agent}: carry it there, and nowhere else`,
            `whom Headgate believes stands in ${relative(cwd, trustFile)}: read it, it is yours to change`,
            ...(handed.widened.length > 0
              ? [`its agent, enrolled before, is now enrolled for ${handed.widened.join(', ')}, too; its token stays`]
              : []),
            ...together(handed.objections)
              .slice(0, MOST_TOLD)
              .map((same) => printable(`${same[0].why} (${cellsText(same)}); ${howToRead(same[0])}`)),
            next.why,
            ...said.next.map((line) => `  ${line}`),
            ...(next.beware === undefined ? [] : [next.beware]),
          ].join('\n'),
        );
        return EXIT.ok;
      }),
    );
};

/** What a demonstration leaves in its data folder (`examples/psa/demo/folder.ts`). */
const STORY = ['story-begun.json', 'story-told.json'];

/** The keys, the trust file and the agent of such a folder are the example's, and so is the environment `production`. */
function refuseDemonstration(folder: string): void {
  if (!STORY.some((name) => existsSync(join(folder, name)))) return;
  throw new Failure(
    EXIT.refused,
    'demonstration',
    `${folder} is the demonstration's (npm start): its keys, its trust file and its agent are the example’s`,
    'begin in a folder of your own: start headgate-server --data .headgate there; or name another data folder with HEADGATE_DATA',
  );
}

/** What others declared is theirs: nobody loses a gate to a command that was to mend a pin. */
function refuseTakingBack(changed: readonly ChangedByOthers[], path: string): void {
  const [first] = changed;
  if (first === undefined) return;
  const { environment, policy, handed, digest } = first;
  const more = changed.length > 1 ? `, and ${changed.length - 1} more` : '';
  throw new Failure(
    EXIT.refused,
    'declared-by-others',
    `the policy ${policy} of ${environment} was declared otherwise since the last setup${more}; setup would take that back`,
    `read what changed: headgate document diff ${handed} ${digest}; to keep it: policyDigest: ${digest} of ${environment} in the agent's agent.yaml, and start the agent anew; to take it back: headgate setup ${path} --take-back`,
  );
}

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
