/** `npm run sim`: see `options.ts`. Exit code 0: no violation, every plant noticed; 1: otherwise; 2: a bad command line. */

import { type Options, readOptions, USAGE } from './options.ts';
import { runPlanted } from './planted/run-planted.ts';
import { runShards } from './shards.ts';
import { historyOf, shrink } from './shrink.ts';
import { type Found, Simulator } from './simulate.ts';
import { type Summary, summaryOf, summaryOfShards } from './summary.ts';

/** Different installations that promotions are drawn from. */
const FLEETS = 32;
/** Entries of the history that are printed with a violation. */
const SHOWN = 60;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'string') {
    console.error(`${options}\n${USAGE}`.trimStart());
    return options === '' ? 0 : 2;
  }
  if (options.planted) return runPlanted(options);
  const summary = options.shards > 1 ? await inShards(options) : await alone(options);
  if (summary === undefined) return 1;
  console.log(options.json ? JSON.stringify(summary) : told(summary));
  return summary.violations > 0 ? 1 : 0;
}

async function alone(options: Options): Promise<Summary> {
  const { seed, faults, only } = options;
  const simulator = new Simulator(seed);
  const lonely = only === undefined ? {} : { from: only, promotions: 1, events: 0 };
  const shown = process.stderr.isTTY && !options.json;
  const before = process.cpuUsage();
  const run = await simulator.simulate({
    ...options,
    ...lonely,
    acts: 1,
    fleets: FLEETS,
    onProgress: ({ promotions, events }) => {
      if (shown) process.stderr.write(`\r${promotions} promotions, ${events} events`);
    },
  });
  const { user, system } = process.cpuUsage(before);
  if (shown) process.stderr.write('\r');
  if (run.found !== undefined) report(await shrink(simulator, run.found), faults);
  return summaryOf(run, seed, (user + system) / 1_000);
}

async function inShards(options: Options): Promise<Summary | undefined> {
  const answers = await runShards(options);
  for (const { said } of answers) if (said !== '') console.log(said);
  const summaries = answers.flatMap(({ summary }) => summary ?? []);
  return summaries.length === answers.length ? summaryOfShards(summaries, options.seed) : undefined;
}

function report(found: Found, faults: number): void {
  const { seed, index, servers, acts } = found.scenario;
  console.log(`Violation in promotion ${index} of seed ${seed}:`);
  for (const { invariant, why, stream, version } of found.violations.slice(0, 5))
    console.log(`  ${invariant}: ${why} (${stream} ${version})`);
  console.log(`What it takes: ${servers} servers; ${acts.join(', ') || 'nobody out of line'}; faults:`);
  for (const fault of found.scenario.faults) console.log(`  ${JSON.stringify(fault)}`);
  console.log('History:');
  for (const line of historyOf(found, SHOWN)) console.log(line);
  console.log(`Again: npm run sim -- --seed ${seed} --faults ${faults} --only ${index}`);
}

function told(s: Summary): string {
  const results = Object.entries(s.results)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
  return [
    `${s.promotions} promotions in ${s.virtualDays} days of virtual time: ${results}`,
    `at least ${s.fewestSteps} steps in each of the ${s.completed - s.rests} that completed; ${s.rests} more were for some tenants alone, or for the rest`,
    `${s.events} events in ${(s.wallMs / 1000).toFixed(1)} s: ${s.eventsPerMinute} a minute, ${s.eventsPerCoreMinute} a minute of one core`,
    s.violations === 0 ? 'no invariant was violated' : `${s.violations} violations`,
  ].join('\n');
}

process.exitCode = await main();
