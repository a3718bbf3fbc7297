/** The report for people at a terminal: what needs them first, each with the way around it. */
import {
  type Finding,
  type Report,
  RULES,
  type SafeWay,
  type SarifRun,
  type StatementReport,
  whoWaits,
} from '@headgate/migrations';

const SIGNS = { error: 'DANGER ', warning: 'look at', note: 'note   ' } as const;

export function reportText(report: Report, knows: 'database' | 'catalogue' | 'files', second?: SarifRun): string {
  const lines: string[] = [];
  for (const { file, statements, phase, undo, alone } of report.files) {
    const told = statements.filter(({ findings }) => findings.some(({ level }) => level !== 'note'));
    const unknown = statements.some(({ findings }) => findings.some(({ rule }) => rule === 'not-known'));
    const about = [
      `${statements.length} statement${statements.length === 1 ? '' : 's'}`,
      `phase: ${phase}`,
      unknown && undo === 'yes' ? UNDO.unknown : UNDO[undo],
      ...(alone ? ['runs outside of a transaction'] : []),
      ...(told.length === 0 ? ['nothing to say'] : []),
    ];
    lines.push(`${file}  (${about.join(', ')})`);
    for (const statement of told) lines.push(...statementLines(file, statement));
    lines.push('');
  }
  const count = (level: Finding['level']): number =>
    report.files.flatMap(({ statements }) => statements).filter(({ findings }) => worst(findings) === level).length;
  const total = report.files.reduce((sum, { statements }) => sum + statements.length, 0);
  lines.push(
    `${total} statement${total === 1 ? '' : 's'} in ${report.files.length} file${report.files.length === 1 ? '' : 's'}: ${count('error')} dangerous, ${count('warning')} to look at, ${total - count('error') - count('warning')} harm nobody.`,
    KNOWS[knows],
  );
  if (second !== undefined) lines.push('', ...secondLines(second));
  return lines.join('\n');
}

const UNDO = {
  yes: 'can be taken back',
  'until-written': 'can be taken back until the new code has written',
  never: 'can’t be taken back without loss',
  unknown: 'nobody knows whether it can be taken back',
} as const;

const KNOWS = {
  database: 'Sizes are the database’s own, durations estimates from them.',
  catalogue: 'Sizes are those of the catalogue file, durations estimates from them.',
  files: 'No table’s size is known: what depends on it counts as dangerous. Give --database-env or --catalogue.',
} as const;

function statementLines(file: string, { at, text, effects, findings }: StatementReport): readonly string[] {
  const shown = findings.filter(({ level }) => level !== 'note');
  const lines = ['', `  ${file}:${at.line}:${at.column}  ${excerpt(text)}`];
  shown.forEach(({ level, rule, message, at: place, safeWays }, i) => {
    const elsewhere = place.line === at.line ? '' : ` (line ${place.line}, column ${place.column})`;
    lines.push(`    ${SIGNS[level]}  ${message}${elsewhere}`, `             ${rule}: ${RULES[rule]}`);
    // What two findings in a row have in common is told once, below both.
    const next = shown[i + 1]?.safeWays;
    if (next === undefined || JSON.stringify(next) !== JSON.stringify(safeWays))
      lines.push(...safeWays.flatMap(wayLines));
  });
  const locks = (effects?.locks ?? []).filter(({ fresh, mode }) => !fresh && mode !== 'ACCESS SHARE');
  if (locks.length > 0) {
    const some = locks.slice(0, 5).map(({ relation, mode }) => `${mode} on ${relation} (${whoWaits(mode)})`);
    lines.push(`    locks    ${some.join('; ')}${locks.length > 5 ? `; and ${locks.length - 5} more` : ''}`);
  }
  return lines;
}

/** A way around a finding, as it can be copied: each line of the SQL is a line. */
function wayLines({ words, sql }: SafeWay): readonly string[] {
  const steps = sql.flatMap((step) => step.split(/\r?\n/));
  return [`    instead  ${words}`, ...steps.map((line) => `               ${line.trimEnd()}`)];
}

function secondLines(run: SarifRun): readonly string[] {
  const { name, version } = run.tool.driver;
  const failed = run.invocations?.find(({ executionSuccessful }) => !executionSuccessful);
  if (failed !== undefined)
    return [`No second opinion: ${failed.toolExecutionNotifications?.[0]?.message.text ?? 'squawk failed'}.`];
  const title = `Second opinion: ${name} ${version ?? ''} says ${run.results.length === 0 ? 'nothing' : ''}`.trimEnd();
  return [
    title,
    ...run.results.map(({ ruleId, message, locations }) => {
      const place = locations[0]?.physicalLocation;
      return `  ${decodeURI(place?.artifactLocation.uri ?? '')}:${place?.region.startLine}  ${ruleId}: ${excerpt(message.text)}`;
    }),
  ];
}

function worst(findings: readonly Finding[]): Finding['level'] | undefined {
  const order: readonly Finding['level'][] = ['error', 'warning', 'note'];
  return order.find((level) => findings.some((each) => each.level === level));
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 110 ? `${line.slice(0, 109)}…` : line;
}
