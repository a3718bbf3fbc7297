import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Client, Objection, Promotion, Release } from '@headgate/contract';
import type { Install, Session } from '../command.ts';
import { type AttachedRun, attachTestRun } from '../evidence/attach-test-run.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { printable, warningLine } from '../output.ts';
import { secondsOf } from '../patience.ts';
import { closedGateLines } from '../promotions/approval-awaited.ts';
import { explained, objectionLines } from '../promotions/objections.ts';
import { promotionLine, watchAtMost } from '../promotions/watch-promotion.ts';
import { calledTheSameText, createRelease } from '../releases/create-release.ts';
import { localKey } from '../releases/local-key.ts';

interface Options {
  readonly key: string;
  readonly to?: string;
  readonly version?: string;
  readonly author?: readonly string[];
  readonly bundle?: readonly string[];
  readonly junit?: string;
  readonly wait?: string;
  readonly again?: boolean;
}

/** What a job of a CI system is told, and leaves behind. */
interface Done {
  readonly release: { readonly digest: string; readonly version: string };
  /** What was done all the same. */
  readonly warnings?: readonly string[];
  readonly evidence: readonly string[];
  readonly tests: AttachedRun | null;
  readonly promotion: Promotion | null;
  /** A page about it; null where no promotion was asked for. */
  readonly link: string | null;
  /** What agents would refuse the promotion for; absent where none was asked for. */
  readonly objections?: readonly Objection[];
}

/** The one step of a CI system: release, evidence, request. */
export const ci: Install = (program, act) => {
  program
    .command('ci <folder> [command...]')
    .description(
      'create a release, attach evidence, ask for a promotion; the same run twice asks once: ci . --key K --to staging -- npm test',
    )
    .requiredOption('--key <file>', 'the key to sign with: a PEM file of mode 0600')
    .option('--to <environment>', 'ask for a promotion there; without it the release is registered alone')
    .option('--version <version>', 'default: package.json’s, else what Git describes')
    .option('--author <id...>', 'who made the change, and may not approve it; default: whose token this is')
    .option('--bundle <file...>', 'evidence that was signed elsewhere')
    .option('--junit <file>', 'the report that the command writes')
    .option('--again', 'when the promotion that was asked for so ended without success: ask for another one')
    .option(
      '--wait <seconds>',
      `follow the promotion for so long; exit code ${EXIT.waiting} when it isn't at its end by then`,
    )
    .action(
      act(async (session, folder: string, command: string[], options: Options) => {
        const { client, out, cwd } = session;
        const waitMs = options.wait === undefined ? undefined : secondsOf(options.wait, '--wait') * 1_000;
        if (waitMs !== undefined && options.to === undefined)
          throw new Failure(EXIT.usage, 'usage', '--wait goes with --to');
        const key = localKey(resolve(cwd, options.key));
        const warnings: string[] = [];
        const facts = {
          version: options.version,
          authors: options.author,
          warned: (words: string) => void warnings.push(words),
          // A pipeline may well build every commit under one version: the digest tells them apart, and it is said.
          calledTheSame: (earlier: Release) => void warnings.push(calledTheSameText(earlier)),
        };
        const release = await createRelease(client, key, resolve(cwd, folder), facts);
        out.line(printable(`${release.application} ${release.ref.version} is registered: ${release.ref.digest}`));
        for (const warning of warnings) out.line(warningLine(warning));
        const evidence = await attachBundles(session, options.bundle ?? []);
        const tests =
          command.length === 0
            ? null
            : await attachTestRun(client, key, {
                release: `${release.application}@${release.ref.version}`,
                subject: release.ref.digest,
                command,
                cwd,
                junit: options.junit === undefined ? undefined : resolve(cwd, options.junit),
                onOutput: (chunk) => void process.stderr.write(chunk),
              });
        const { digest, version } = release.ref;
        const said = { release: { digest, version }, ...(warnings.length > 0 && { warnings }), evidence, tests };
        // The evidence of a red run is attached like any other; nothing is asked for on its strength.
        if (tests !== null && (tests.exitCode !== 0 || tests.failed > 0)) {
          const done: Done = { ...said, promotion: null, link: null };
          out.answer(
            done,
            `the tests failed (exit code ${tests.exitCode}, ${tests.failed} failed): attached, and no promotion is asked for`,
          );
          return EXIT.refused;
        }
        if (options.to === undefined) {
          out.answer({ ...said, promotion: null, link: null } satisfies Done, 'no promotion was asked for');
          return EXIT.ok;
        }
        return ask(session, release, { environment: options.to, again: options.again === true, waitMs }, said);
      }),
    );
};

async function ask(
  session: Session,
  { ref }: Release,
  wanted: { readonly environment: string; readonly again: boolean; readonly waitMs: number | undefined },
  said: Pick<Done, 'release' | 'warnings' | 'evidence' | 'tests'>,
): Promise<number> {
  const { client, out, server } = session;
  const { waitMs } = wanted;
  const promotion = await request(client, ref.digest, wanted);
  const link = `${server}/promotions/${promotion.id}`;
  // Nobody who reads the job's output should learn it in production.
  const why = await explained(client, promotion.id);
  const { objections = [], objectionsLeft } = why ?? {};
  for (const line of closedGateLines(why)) out.line(line);
  for (const line of await objectionLines(session, objections, objectionsLeft)) out.line(line);
  const answer = (now: Promotion, text: string): void =>
    out.answer({ ...said, promotion: now, link, objections } satisfies Done, text);
  const stands = (now: Promotion): string => `${promotionLine(now)}\n${link}`;
  if (waitMs === undefined) {
    answer(promotion, stands(promotion));
    return EXIT.ok;
  }
  out.line(link);
  const code = await watchAtMost(
    { ...session, out: { ...out, event: (_value, text) => out.line(text) } },
    promotion.id,
    waitMs,
  );
  const now = await client.call('showPromotion', { promotion: promotion.id });
  // Where it ended was said last by whoever watched it to its end.
  answer(now, code === EXIT.waiting || code === EXIT.interrupted ? stands(now) : link);
  return code;
}

/** Promotions of one release to one environment that one job asks for, one after the other. */
const MOST_ATTEMPTS = 100;

/**
 * A job that is run again is the same wish, as long as what became of it isn't known, and also when it came true. One that
 * was rolled back, rejected or ran out of time stays what it was: only `--again` asks for another, and that, too, only
 * once, however often the job is run.
 */
async function request(
  client: Client,
  release: Release['ref']['digest'],
  { environment, again }: { readonly environment: string; readonly again: boolean },
): Promise<Promotion> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const idempotencyKey = `ci-${release.slice(7, 39)}-${environment}${attempt === 1 ? '' : `-${attempt}`}`;
    const promotion = await client.call('requestPromotion', { body: { release, environment } }, { idempotencyKey });
    if (promotion.phase !== 'ended' || promotion.result === 'promoted') return promotion;
    const why = `${promotion.id}, which asked for this release in ${environment}, ended ${promotion.result}: ${promotion.because}`;
    if (!again) throw new Failure(EXIT.refused, 'ended', why, 'ask for another promotion with --again');
  }
  const why = `${MOST_ATTEMPTS} promotions of this release to ${environment} ended without success`;
  throw new Failure(EXIT.refused, 'ended', why, 'make another release');
}

async function attachBundles({ client, cwd }: Session, files: readonly string[]): Promise<readonly string[]> {
  const attached: string[] = [];
  for (const file of files) {
    const text = await readFile(resolve(cwd, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Failure(EXIT.usage, 'usage', `--bundle: ${file} can't be read (${error.code})`);
    });
    let bundle: Record<string, unknown>;
    try {
      bundle = JSON.parse(text) as Record<string, unknown>;
    } catch {
      throw new Failure(EXIT.usage, 'usage', `--bundle: ${file} is not JSON`);
    }
    attached.push((await client.call('attachEvidence', { body: { bundle } })).digest);
  }
  return attached;
}
