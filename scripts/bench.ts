/**
 * `npm run bench`: measures what must hold, and prints one JSON line a figure:
 *
 *   {"name","value","unit","target","better","ok"}
 *
 * Nothing else is printed on standard output. The exit code is 0 when every figure is ok, 1 when one isn't, 2 for wrong
 * usage. `--only NAME` measures one figure (and what is measured together with it, but prints only that one);
 * `--restore-point-mb 2000` takes restore points of so much data, `--drill-mb 2000` drills them; `--only drill` is both of its figures.
 * `--moved-rows 10000000` compares places of so many rows.
 */
import { argv, exit, stderr, stdout } from 'node:process';
import { parseArgs } from 'node:util';
import { analyseFigure } from './bench/analyse.ts';
import { approvalFigure } from './bench/approval.ts';
import { canaryFigure } from './bench/canaries.ts';
import { drillFigures } from './bench/drill.ts';
import { exampleFigures } from './bench/example.ts';
import { FIGURE_NAMES, type Figure, type FigureName, figure } from './bench/figure.ts';
import { logExportFigure } from './bench/log-export.ts';
import { maskingFigure } from './bench/masking.ts';
import { movedFigures } from './bench/moved.ts';
import { restorePointFigure } from './bench/restore-point.ts';
import { letGoOfAll, say } from './bench/scratch.ts';
import { sequencerFigure } from './bench/sequencer.ts';
import { tickFigures } from './bench/ticks.ts';
import { warmStartFigure } from './bench/warm-start.ts';

interface Measure {
  readonly names: readonly FigureName[];
  readonly run: (wanted: ReadonlySet<FigureName>) => Promise<readonly Figure[]>;
}

const MEASURES: readonly Measure[] = [
  { names: ['ticks', 'ticks-per-bare-commit'], run: tickFigures },
  { names: ['approval-to-handled'], run: approvalFigure },
  { names: ['server-memory', 'agent-memory', 'bad-sample-to-safe'], run: exampleFigures },
  { names: ['warm-start'], run: warmStartFigure },
  { names: ['log-export-verified'], run: logExportFigure },
  { names: ['sequencer'], run: sequencerFigure },
  { names: ['masking'], run: maskingFigure },
  { names: ['restore-point'], run: () => restorePointFigure(asked.restorePointMb) },
  { names: ['drill-rto', 'drill-rpo'], run: () => drillFigures(asked.drillMb) },
  { names: ['canary-stall'], run: canaryFigure },
  { names: ['migrations-analysed'], run: analyseFigure },
  { names: ['moved-compared', 'moved-felt'], run: () => movedFigures(asked.movedRows) },
];

const asked = readArguments(argv.slice(2));
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    interrupted = true;
    say('interrupted: stopping what was started');
    void letGoOfAll().finally(() => exit(130));
  });
let bad = false;
for (const { names, run } of MEASURES) {
  const wanted = new Set(names.filter((name) => asked.only.has(name)));
  if (wanted.size === 0) continue;
  const from = performance.now();
  say(`${[...wanted].join(', ')} …`);
  const measured = await run(wanted).catch((error: Error) => {
    if (!interrupted) say(`not measured: ${error.stack ?? error.message}`);
    return [] as readonly Figure[];
  });
  // What broke because we stop is no measure; the stopping ends this process.
  if (interrupted) await new Promise(() => {});
  for (const name of wanted) {
    const each = measured.find((m) => m.name === name) ?? figure(name, Number.NaN);
    bad ||= !each.ok;
    stdout.write(`${JSON.stringify(each)}\n`);
  }
  say(`took ${((performance.now() - from) / 1_000).toFixed(1)} s`);
}
exit(bad ? 1 : 0);

function readArguments(args: readonly string[]): {
  readonly only: ReadonlySet<FigureName>;
  readonly restorePointMb: number;
  readonly drillMb: number;
  readonly movedRows: number;
} {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string', multiple: true },
        'restore-point-mb': { type: 'string' },
        'drill-mb': { type: 'string' },
        'moved-rows': { type: 'string' },
      },
    });
    const drills = ['drill-rto', 'drill-rpo'];
    const only = values.only?.flatMap((name) => (name === 'drill' ? drills : [name])) ?? FIGURE_NAMES;
    const unknown = only.filter((name) => !FIGURE_NAMES.some((known) => known === name));
    if (unknown.length > 0) throw new Error(`no figure is called ${unknown.join(', ')}`);
    const megabytes = (name: 'restore-point-mb' | 'drill-mb'): number => {
      const given = Number(values[name] ?? 200);
      if (!Number.isInteger(given) || given < 1) throw new Error(`--${name} is a number of megabytes`);
      return given;
    };
    const movedRows = Number(values['moved-rows'] ?? 1_000_000);
    if (!Number.isInteger(movedRows) || movedRows < 1) throw new Error('--moved-rows is a number of rows');
    return {
      only: new Set(only as readonly FigureName[]),
      restorePointMb: megabytes('restore-point-mb'),
      drillMb: megabytes('drill-mb'),
      movedRows,
    };
  } catch (error) {
    stderr.write(
      `bench: ${(error as Error).message}\nusage: npm run bench -- [--only NAME]… [--restore-point-mb 200] [--drill-mb 200] [--moved-rows 1000000]   names: ${FIGURE_NAMES.join(', ')}\n`,
    );
    exit(2);
  }
}
