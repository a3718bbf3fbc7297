import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { secondsOf } from '../patience.ts';

interface Options {
  readonly catalogue?: string;
  readonly databaseEnv?: string;
  readonly writeCatalogue?: string;
  readonly sarif?: string;
  readonly squawk?: string | true;
  readonly runner: string;
  readonly stall: string;
  readonly release?: string;
  readonly of?: string;
  readonly schemaVersion?: string;
  readonly key?: string;
  readonly statement?: string;
  readonly attach?: boolean;
}

/** What SQL migrations would do to a database that is in use, before they run. Works offline. */
export const analyse: Install = (program, act) => {
  program
    .command('analyse [file-or-folder...]')
    .description(
      'what SQL migrations will do to a database in use: locks, rewrites, what breaks, and the safe way; exit code 0 when nothing is dangerous',
    )
    .option(
      '--database-env <variable>',
      'the environment variable with the URL of the database that they are for (read only)',
    )
    .option('--catalogue <file>', 'its schema and sizes from a file instead')
    .option('--write-catalogue <file>', 'keep what --database-env read, for --catalogue')
    .option('--sarif <file>', 'write the findings as SARIF 2.1.0, too')
    .option('--squawk [program]', 'have squawk look at the files, too (the installed one, or this program)')
    .option(
      '--runner <runner>',
      'who runs them: headgate (a file is one transaction, waiting for locks ends), psql, or tool (a migration tool that reads comments like "migrate:down")',
      'headgate',
    )
    .option('--stall <seconds>', 'how long others may wait for a lock', '1')
    .option(
      '--release <release>',
      'instead of files: the migrations of a release (a folder, or one that is registered)',
    )
    .option(
      '--schema-version <n>',
      'with --release: the version that the schema is at, where the catalogue doesn’t say',
    )
    .option('--of <name>', 'with --release: whose schema and sizes these are: an environment, a store, or cell/store')
    .option('--key <file>', 'sign the findings with this key, a PEM file of mode 0600')
    .option('--attach', 'attach the signed findings to the release')
    .option('--statement <file>', 'write the signed findings there, for headgate evidence attach --bundle')
    .action(
      act(async (session, paths: string[], options: Options) => {
        const { runner } = options;
        if (runner !== 'headgate' && runner !== 'psql' && runner !== 'tool')
          throw new Failure(EXIT.usage, 'usage', `--runner ${runner}: expected headgate, psql or tool`);
        const stallMs = secondsOf(options.stall, '--stall') * 1_000;
        const { release: of, key, attach, statement } = options;
        const signs = key !== undefined || attach === true || statement !== undefined;
        if (of === undefined && (paths.length === 0 || signs))
          throw new Failure(EXIT.usage, 'usage', 'name files or folders, or give --release (which --attach needs)');
        if (of !== undefined && key === undefined && (attach === true || statement !== undefined))
          throw new Failure(
            EXIT.usage,
            'usage',
            '--attach and --statement need --key: only what is signed is evidence',
          );
        // The parser is large: no other command waits for it.
        const { runAnalysis } = await import('../analyse/run-analysis.ts');
        const { release } = options;
        if (release === undefined) return runAnalysis(paths, { ...options, runner, stallMs }, session);
        if (paths.length > 0 || runner !== 'headgate')
          throw new Failure(EXIT.usage, 'usage', '--release: its own migrations are analysed, as Headgate runs them');
        const { analyseRelease } = await import('../analyse/analyse-release.ts');
        return analyseRelease(release, { ...options, runner, stallMs }, session);
      }),
    );
};
