import { parseArgs } from 'node:util';

export interface Options {
  readonly promotions: number;
  readonly events: number;
  readonly seed: number;
  /** Faults per promotion, on average. */
  readonly faults: number;
  readonly from: number;
  readonly stride: number;
  readonly shards: number;
  /** One promotion alone, by its index: to live through a violation again. */
  readonly only: number | undefined;
  readonly planted: boolean;
  readonly json: boolean;
}

export const USAGE = `npm run sim -- [options]
  --promotions N   promotions to live through (1,000; 0 with --events)
  --events N       go on until so many events were appended
  --seed S         whole number; the same seed is the same history (1)
  --faults R       faults per promotion, on average (1)
  --shards K       share the work among K processes
  --only I         live through the promotion of this index alone
  --planted        remove one protection of the shipped code at a time; each must be noticed
  --json           figures as JSON, on the last line`;

/** Reads the command line, or says what is wrong with it. */
export function readOptions(argv: readonly string[]): Options | string {
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args: [...argv],
      options: {
        promotions: { type: 'string' },
        events: { type: 'string' },
        seed: { type: 'string' },
        faults: { type: 'string' },
        from: { type: 'string' },
        stride: { type: 'string' },
        shards: { type: 'string' },
        only: { type: 'string' },
        planted: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help === true) return '';
  const wrong: string[] = [];
  const number = (name: string, standard: number, whole = true): number => {
    const text = values[name];
    if (text === undefined) return standard;
    const value = Number(text);
    if (text === '' || !Number.isFinite(value) || value < 0 || (whole && !Number.isSafeInteger(value)))
      wrong.push(`--${name} takes a ${whole ? 'whole ' : ''}number from 0 up, not ${String(text)}`);
    return value;
  };
  const events = number('events', 0);
  const options: Options = {
    promotions: number('promotions', events > 0 ? 0 : 1_000),
    events,
    seed: number('seed', 1),
    faults: number('faults', 1, false),
    from: number('from', 0),
    stride: Math.max(1, number('stride', 1)),
    shards: Math.max(1, number('shards', 1)),
    only: values.only === undefined ? undefined : number('only', 0),
    planted: values.planted === true,
    json: values.json === true,
  };
  return wrong.length > 0 ? wrong.join('\n') : options;
}
