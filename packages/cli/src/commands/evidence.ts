import { resolve } from 'node:path';
import type { Install } from '../command.ts';
import { attachTestRun } from '../evidence/attach-test-run.ts';
import { bundleIn } from '../evidence/bundle-in.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { localKey } from '../releases/local-key.ts';
import { resolveRelease } from '../releases/resolve-release.ts';

interface Options {
  readonly bundle?: string;
  readonly release?: string;
  readonly key?: string;
  readonly run?: boolean;
  readonly junit?: string;
}

/** Evidence: attach a bundle that was signed elsewhere, or run a release's tests here and sign what they did. */
export const evidence: Install = (program, act) => {
  const group = program.command('evidence').description('attach evidence to releases');
  group
    .command('attach [command...]')
    .description(
      'attach a signed bundle, or the run of a command: attach --release R --key K --junit F --run -- npm test',
    )
    .option('--bundle <file>', 'a sigstore bundle that says something about a release')
    .option('--run', 'run the command behind --, and sign its exit code, log and counts')
    .option('--release <release>', 'with --run: the release that it is about')
    .option('--key <file>', 'with --run: the key to sign with, a PEM file of mode 0600')
    .option('--junit <file>', 'with --run: the JUnit report that the run writes')
    .action(
      act(async ({ client, out, cwd }, command: string[], options: Options) => {
        if (options.bundle !== undefined) {
          const attached = await client.call('attachEvidence', {
            body: { bundle: await bundleIn(resolve(cwd, options.bundle)) },
          });
          out.answer(attached, `attached ${attached.digest} to ${attached.subject}`);
          return EXIT.ok;
        }
        if (options.run !== true || options.release === undefined || options.key === undefined || command.length === 0)
          throw new Failure(EXIT.usage, 'usage', 'give --bundle FILE, or --run --release R --key FILE -- COMMAND …');
        const key = localKey(resolve(cwd, options.key));
        const { application, ref } = await resolveRelease(client, options.release);
        const run = await attachTestRun(client, key, {
          release: `${application}@${ref.version}`,
          subject: ref.digest,
          command,
          cwd,
          junit: options.junit === undefined ? undefined : resolve(cwd, options.junit),
          onOutput: (chunk) => void process.stderr.write(chunk),
        });
        const { passed, failed, skipped, exitCode } = run;
        out.answer(
          run,
          options.junit === undefined
            ? `attached to ${ref.digest}: exit code ${exitCode}; no test is counted without --junit FILE, a report that the run writes, so the gate tests-passed can’t pass by it`
            : `attached to ${ref.digest}: ${passed} passed, ${failed} failed, ${skipped} skipped, exit code ${exitCode}`,
        );
        // The evidence of a red run is attached like any other; the command still says that it was red.
        return exitCode === 0 && failed === 0 ? EXIT.ok : EXIT.refused;
      }),
    );
};
