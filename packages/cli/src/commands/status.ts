import type { Explanation, Promotion, RecoveryShown, Status } from '@headgate/contract';
import { agentsAstray, astrayText, backOnTrack } from '../agents/agent-addresses.ts';
import { untended } from '../agents/agent-words.ts';
import type { Install } from '../command.ts';
import { dataFolder } from '../connect.ts';
import { EXIT } from '../exit-codes.ts';
import { moveBlock } from '../moves/move-lines.ts';
import { instant, printable, printableLines, table, withShortDigests } from '../output.ts';
import { migrationTimeLines, migrationTimesOf } from '../promotions/migration-times.ts';
import { cellsText, leftLines, together } from '../promotions/objections.ts';
import { promotionLine, watchEvents } from '../promotions/watch-promotion.ts';
import { type Here, runAgentCommand } from '../setup/pin-anew.ts';
import { standbyBlock } from '../standbys/standby-lines.ts';
import { recoverabilityLines } from '../vaults/recoverability-lines.ts';
import { vaultBlock } from '../vaults/vault-lines.ts';
import { closedLine } from './closed-line.ts';
import { endOf, scopeText } from './freeze.ts';

/** So many cells are named of one agent. */
const MOST_NAMED = 5;
/** So many objections of agents are told. */
const MOST_OBJECTIONS = 20;

/** What is where, what moves, what waits; and why. */
export const status: Install = (program, act) => {
  program
    .command('status')
    .description('what is where, what moves, what waits for whom and until when')
    .option('--watch', 'and again whenever it changes, until Ctrl-C')
    .action(
      act(async (session, options: { watch?: true }) => {
        const { client, out, env, cwd, server } = session;
        const here = { folder: dataFolder(env, cwd), cwd, server };
        let last: string | undefined;
        const look = async (): Promise<boolean> => {
          const [now, restored] = await Promise.all([client.call('status'), client.call('showRecovery')]);
          const text = withShortDigests(`${restoredText(restored)}${shown(now, here)}`);
          const told = out.json ? JSON.stringify(now) : text;
          if (told === last) return false;
          if (last !== undefined) out.line(`\n${'—'.repeat(40)}`);
          last = told;
          out.event(now, text);
          return false;
        };
        await look();
        if (options.watch === undefined) return EXIT.ok;
        // How things stand is all that is shown: where the log begins anew, it is looked at once more.
        await watchEvents(session, undefined, look, look, () => {});
        return EXIT.interrupted;
      }),
    );
  program
    .command('explain <promotion>')
    .description('why a promotion stands where it stands, and what would move it')
    .action(
      act(async ({ client, out }, promotion: string) => {
        const explanation = await client.call('explainPromotion', { promotion });
        const migrations = await migrationTimesOf(client, promotion);
        const { roles } = await client.call('whoami');
        out.answer(
          { ...explanation, migrations },
          explanationText(explanation, migrationTimeLines(promotion, migrations), roles),
        );
        return EXIT.ok;
      }),
    );
  program
    .command('whoami')
    .description('who the token belongs to')
    .action(
      act(async ({ client, out }) => {
        const me = await client.call('whoami');
        out.answer(me, `${me.id}: ${me.roles.join(', ')}`);
        return EXIT.ok;
      }),
    );
};

/** Which agents aren't at work, and in which cells nobody looks therefore. */
export function agentLines({ cells, at }: Status, here: Here & { readonly server: string }): readonly string[] {
  const astray = agentsAstray(here, here.server);
  return untended(cells, at).map(({ agent, why, cells: those }) => {
    const names = those.map(({ name }) => name);
    const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
    const of = `${names.length === 1 ? 'cell' : 'cells'} ${names.slice(0, MOST_NAMED).join(', ')}${more}`;
    const elsewhere = astray.find((each) => each.agent === agent);
    // Started again it would ask in vain once more.
    const mends =
      elsewhere === undefined
        ? `to start it where it was enrolled: ${runAgentCommand(here, agent)}`
        : `${astrayText(elsewhere, here.server)}; ${backOnTrack(elsewhere, here.server)}`;
    return printable(`NOBODY LOOKS at ${of}: ${why}; ${mends}`);
  });
}

/** Who let a cell stand rather than lose data, and what can be done from there. */
export function declinedLines({ declined = [], next = [] }: Explanation): readonly string[] {
  return [
    ...declined.map(
      ({ cell, step, by, because, at }) => `- in cell ${cell} ${by} declined ${step} at ${instant(at)}: ${because}`,
    ),
    ...next.map((each) => `- next: ${each}`),
  ];
}

/** Of one that waits under a policy that was replaced: it takes no approval, and how it is asked for anew. */
function replacedLines({ id, policyReplaced }: Promotion): readonly string[] {
  // The commands name digests, which are cut here.
  return policyReplaced === undefined
    ? []
    : [printable(`  no approval is taken; how it is asked for anew: headgate explain ${id}`)];
}

/** Code that serves with a store that went further, and may miss what that took. */
function olderCodeLines({ cells }: Status): readonly string[] {
  return cells.flatMap(({ name, olderCode = [] }) =>
    olderCode.flatMap(({ store, release, tenants, why, unblock }) => [
      printable(
        `OLDER CODE in cell ${name}: ${release} serves ${tenants} tenant${tenants === 1 ? '' : 's'} with store ${store}, and ${why}`,
      ),
      printable(`  ${unblock}`),
    ]),
  );
}

/** Promotions that had ended, and that an agent took back since. */
function takenBackLines({ takenBack = [] }: Status): readonly string[] {
  return takenBack.flatMap(({ promotion, application, environment, release, result, words, left }) => [
    printable(`TAKEN BACK: ${application} ${release.version} in ${environment} (${promotion}) was ${result}, ${words}`),
    ...left.map((each) => printable(`  ${each}`)),
  ]);
}

/** After a restore rows say what was, not what is, until their cells are read back. */
function restoredText({ unread }: RecoveryShown): string {
  if (unread.length === 0) return '';
  const cells = unread.slice(0, 5).map(({ cell }) => cell);
  const more = unread.length > cells.length ? ' and more' : '';
  return `${printable(`RESTORED FROM A BACKUP: what is said of ${cells.join(', ')}${more} is as of then, and not read back yet: headgate recovery`)}\n\n`;
}

/** An action as it is typed. */
function commandOf(action: string, promotion: string): string {
  if (action === 'overtake') return `headgate promote RELEASE --to ENVIRONMENT --overtake ${promotion} --because "…"`;
  return `headgate ${action} ${promotion}${WITH_REASON.has(action) ? ' --reason "…"' : ''}`;
}

const WITH_REASON: ReadonlySet<string> = new Set(['reject', 'pause', 'rollback']);

/** What somebody with these roles may answer to what its cells ask, as it is typed. */
function answersOf(waits: Explanation['waits'], roles: readonly string[]): readonly string[] {
  const own = waits.flatMap(({ unblock }) => unblock.filter(({ who }) => who.some((role) => roles.includes(role))));
  return own.flatMap(({ what }) => /^`(\w+ answer [^`]+)`/.exec(what)?.[1] ?? []);
}

/** Digests are cut but in what is to be typed. */
function explanationText(explained: Explanation, migrations: readonly string[], roles: readonly string[]): string {
  const { promotion, summary, waits, gates, actions, takenBack } = explained;
  const { objections = [], waitsLeft = 0, objectionsLeft = 0 } = explained;
  const may = [
    ...Object.entries(actions).flatMap(([name, { allowed }]) => (allowed ? [commandOf(name, promotion)] : [])),
    ...answersOf(waits, roles),
  ];
  return [
    `${promotion}: ${summary}`,
    ...waits.flatMap((wait) => [
      `- ${wait.where}${wait.step === undefined ? '' : `, step ${wait.step}`}: ${wait.why}`,
      ...wait.unblock.map(({ what, who, at }) => {
        const when = at === undefined ? '' : `, at ${instant(at)}`;
        return `    to unblock: ${what} (${who.join(', ')}${when})`;
      }),
      `    until ${instant(wait.until)}${wait.overdue ? ' (overdue)' : ''}, then ${wait.after}`,
    ]),
    ...(waitsLeft > 0
      ? [`- and ${waitsLeft} more cells that wait: every one stands under /v1/promotions/${promotion}/rollouts`]
      : []),
    ...declinedLines(explained),
    ...(takenBack?.left ?? []).map((left) => `- still to do: ${left}`),
    // What a wait says of a gate stands above.
    ...gates
      .filter(({ because }) => !waits.some((wait) => wait.why.includes(because)))
      .map(({ gate, verdict, because }) => `- gate ${gate}: ${verdict}: ${because}`),
    // Before its first wave it waits for them, and has said so.
    ...together(objections.filter(({ why }) => !waits.some((wait) => wait.why.includes(why))))
      .slice(0, MOST_OBJECTIONS)
      .flatMap((same) => [
        `- the next step in ${cellsText(same)}: ${same[0].why}`,
        `    to unblock: ${same[0].unblock}`,
      ]),
    ...leftLines(objectionsLeft),
    ...migrations.map((line) => `- ${line}`),
    ...recoverabilityLines(explained.recoverability).map((line) => `- ${line}`),
    may.length === 0 ? 'You may only look.' : `You may: ${may.join('; ')}`,
  ]
    .map((line) =>
      line.startsWith('    to unblock') ? printableLines(line, '      ') : printable(withShortDigests(line)),
    )
    .join('\n');
}

function shown(status: Status, here: Here & { readonly server: string }): string {
  const counted = (of: Record<string, number>, between: string) =>
    Object.entries(of)
      .map(([key, n]) => `${key}${between}${n}`)
      .join(', ');
  const cells = status.cells.map((c) => [
    c.name,
    c.environment,
    c.adopted ? (c.uncertain ? 'uncertain' : 'controlled') : 'not adopted',
    counted(c.versions, ' × '),
    counted(c.stores, ' at '),
    instant(c.observedAt),
  ]);
  const waits = status.waits.map((w) => [
    w.step === undefined ? w.where : `${w.where} ${w.step}`,
    [...new Set(w.unblock.flatMap((u) => u.who))].join(', '),
    w.overdue ? `${instant(w.until)} (overdue)` : instant(w.until),
    w.why,
  ]);
  return [
    ...status.freezes.map((f) =>
      printable(
        `FROZEN: ${scopeText(f.scope)}, ${endOf(f)} (${f.name}): ${f.reason}; headgate freeze lift ${f.name} --because "…"`,
      ),
    ),
    ...(status.freezes.length > 0 ? [''] : []),
    'WHAT IS WHERE',
    table(['CELL', 'ENVIRONMENT', 'STATE', 'TENANTS BY VERSION', 'STORES BY SCHEMA', 'AS SEEN SINCE'], cells),
    ...agentLines(status, here),
    ...status.cells.flatMap((c) =>
      c.drift.map(({ store, why }) => printable(`store ${store} of cell ${c.name} has drifted: ${why}`)),
    ),
    ...status.cells.flatMap((c) => (c.closed ?? []).map((closed) => printable(closedLine(c.name, closed)))),
    ...olderCodeLines(status),
    ...takenBackLines(status),
    ...standbyBlock(status.standbys),
    ...moveBlock(status.moves),
    ...vaultBlock(status.vaults),
    '',
    'WHAT MOVES',
    ...(status.promotions.length === 0
      ? ['(nothing)']
      : status.promotions.flatMap(({ promotion }) => [promotionLine(promotion), ...replacedLines(promotion)])),
    '',
    'WHAT WAITS',
    ...(waits.length > 0
      ? [table(['WHAT', 'FOR WHOM', 'UNTIL', 'WHY'], waits)]
      : status.hypercare.length > 0
        ? []
        : ['(nothing)']),
    ...status.hypercare.map((h) => printable(`hypercare of ${h.environment}: ${h.phase}, until ${instant(h.until)}`)),
    ...(status.truncated ? ['(there is more than is shown)'] : []),
  ].join('\n');
}
