/** What `pgbackrest verify` found. It ends with 0 in any case, so its text is what counts. */
import { segmentNumber } from '../../postgres-cluster/wal-place.ts';

/** What has to be whole for one restore point. */
export interface Needed {
  /** Its backup's label, and those that it is built on. */
  readonly labels: readonly string[];
  /** Names of the first and the last segment of the log. */
  readonly firstWal: string;
  readonly lastWal: string;
}

const MOST_PROBLEMS = 20;

/**
 * What is wrong with what is needed, each in words; none: all of it was read and found whole. What isn't said to be whole isn't:
 * a backup that `verify` passes over (its manifest is gone), or a count that its named files don't explain.
 */
export function problemsOf(text: string, { labels, firstWal, lastWal }: Needed): readonly string[] {
  const found = [
    ...text.matchAll(/^P\d+\s+INFO: (invalid checksum|invalid size|invalid result|file missing) '?([^'\s]+)/gm),
  ];
  const named = found.map(([, what, path]) => ({ what: what!, path: path!.replace(/:$/, '') }));
  const wal = named.flatMap(({ what, path }) => {
    const segment = /\/([0-9A-F]{24})-[0-9a-f]{40}/.exec(path)?.[1];
    return segment === undefined ? [] : [{ what, segment }];
  });
  const within = ({ segment }: { readonly segment: string }): boolean =>
    segmentNumber(segment) >= segmentNumber(firstWal) && segmentNumber(segment) <= segmentNumber(lastWal);
  const problems = wal.filter(within).map(({ what, segment }) => `the log’s segment ${segment}: ${what}`);
  const after = `\n${text}`;
  const summary = after.slice(after.lastIndexOf('\nstanza: '));
  const counted = [...summary.matchAll(/archiveId: \S+, total WAL checked: (\d+), total valid WAL: (\d+)\n(.*)/g)];
  if (counted.length === 0) problems.push('nothing is said of the log');
  const bad = counted.reduce((sum, [, checked, valid]) => sum + Number(checked) - Number(valid), 0);
  const missing = counted.reduce((sum, [, , , rest]) => sum + Number(/missing: (\d+)/.exec(rest!)?.[1] ?? 1), 0);
  if (bad > wal.length) problems.push(`${bad} segments of the log aren’t whole, and only ${wal.length} are named`);
  if (missing > 0) problems.push(`${missing} segments of the log are missing`);
  for (const label of labels) problems.push(...ofBackup(summary, label, named));
  const more = problems.length - MOST_PROBLEMS;
  return more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `and ${more} more`] : problems;
}

function ofBackup(
  summary: string,
  label: string,
  named: readonly { readonly what: string; readonly path: string }[],
): readonly string[] {
  const line = new RegExp(
    `backup: ${label}, status: (\\S+), total files checked: (\\d+), total valid files: (\\d+)\\n(.*)`,
  ).exec(summary);
  if (line === null) return [`the backup ${label} wasn’t looked at: it or its manifest is gone`];
  const [, status, checked, valid, counts] = line;
  const clean = /^\s*missing: 0, checksum invalid: 0, size invalid: 0, other: 0$/.test(counts!);
  if (status === 'valid' && checked === valid && Number(checked) > 0 && clean) return [];
  const files = named.filter(({ path }) => path.startsWith(`${label}/`)).map(({ what, path }) => `${path}: ${what}`);
  return files.length > 0 ? files : [`the backup ${label}: ${status}, ${valid} of ${checked} files are whole`];
}
