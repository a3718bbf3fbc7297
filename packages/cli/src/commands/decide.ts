import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Promotion } from '@headgate/contract';
import { digestOf, signApproval } from '@headgate/documents';
import type { Install, Session } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { instant, printable, withShortDigests } from '../output.ts';
import { approvalAwaited, closedGateLines } from '../promotions/approval-awaited.ts';
import { explained, objectionLines } from '../promotions/objections.ts';
import { twoDecisionsLines, wayBackOf } from '../promotions/two-decisions.ts';
import { waiverLines } from '../promotions/waivers-relied-on.ts';
import { promotionLine } from '../promotions/watch-promotion.ts';
import { localKey } from '../releases/local-key.ts';
import { declinedLines } from './status.ts';

const HOUR_MS = 3_600_000;

interface ApproveOptions {
  readonly envelope?: string;
  readonly yes?: boolean;
  readonly signKey?: string;
  readonly hours: string;
}

/** People's word on a promotion: approve, go, reject, pause, resume, roll back, keep, answer. */
export const decide: Install = (program, act) => {
  program
    .command('approve <promotion>')
    .description('approve the envelope of a promotion; shows what that binds to')
    .option('--envelope <digest>', 'approve only if the envelope is still this one (then without asking)')
    .option('--yes', 'approve what is shown without asking')
    .option('--sign-key <file>', 'sign with your own key, which agents can check for themselves')
    .option('--hours <n>', 'with --sign-key: how long the approval holds', '24')
    .action(
      act(async (session, id: string, options: ApproveOptions) => {
        const { client, out } = session;
        const promotion = await client.call('showPromotion', { promotion: id });
        const { envelope } = promotion;
        out.line(await binding(session, promotion));
        const { objections = [], objectionsLeft } = (await explained(client, id)) ?? {};
        for (const line of await objectionLines(session, objections, objectionsLeft)) out.line(line);
        if (options.envelope !== undefined && options.envelope !== envelope)
          throw new Failure(
            EXIT.refused,
            'other-envelope',
            `the promotion's envelope is ${envelope}, not the one you named`,
            'look at it again',
          );
        if (options.envelope === undefined && options.yes !== true) await confirm(session);
        const bundle = options.signKey === undefined ? {} : { bundle: await signed(session, promotion, options) };
        const approved = await client.call('approvePromotion', { promotion: id, body: { envelope, ...bundle } });
        const text = await approvedText(session, promotion, approved);
        out.answer({ ...approved, objections }, text);
        return EXIT.ok;
      }),
    );
  const withReason = [
    ['go', 'sayGo', 'say go at the point of no return, where the gate go-no-go asks (no-go: rollback)'],
    ['reject', 'rejectPromotion', 'reject a promotion that has not begun'],
    ['pause', 'pausePromotion', 'hand out no further forward steps'],
    [
      'rollback',
      'rollBackPromotion',
      'take the application back, as the plan says; data that would be lost waits for a yes of its own',
    ],
  ] as const;
  for (const [name, route, description] of withReason)
    program
      .command(`${name} <promotion>`)
      .description(description)
      .requiredOption('--reason <words>', 'goes on the log')
      .action(
        act(async ({ client, out }, promotion: string, { reason }: { reason: string }) => {
          // Looked at before it is asked for: afterwards it is under way, and this is what was decided.
          const back = name === 'rollback' ? await wayBackOf(client, promotion) : undefined;
          const after = await client.call(route, { promotion, body: { reason } });
          const told = back !== undefined && after.phase === 'undoing' ? back : undefined;
          const lines = [promotionLine(after), ...(told === undefined ? [] : twoDecisionsLines(told))];
          out.answer(told === undefined ? after : { ...after, wayBack: told.cells }, lines.join('\n'));
          return EXIT.ok;
        }),
      );
  const plain = [
    ['resume', 'resumePromotion', 'let a paused promotion go on'],
    ['keep', 'keepPromotion', 'leave the tenants that stayed on the release where they are'],
  ] as const;
  for (const [name, route, description] of plain)
    program
      .command(`${name} <promotion>`)
      .description(description)
      .action(
        act(async ({ client, out }, promotion: string) => {
          const after = await client.call(route, { promotion });
          out.answer(after, promotionLine(after));
          return EXIT.ok;
        }),
      );
  program
    .command('answer <rollout> <agree|retry|decline>')
    .description(
      'answer what a rollout asks: agree to a step that loses data, decline it (the cell stays as it stands), or try the step again',
    )
    .option('--reason <words>', 'with decline: goes on the log')
    .option('--step <step>', 'the step that the answer is about, and no other (default: the one that it asks about)')
    .option('--asked <number>', 'the question that the answer is to, and no later one about the step')
    .action(
      act(async ({ client, out }, rollout: string, answer: string, said: Said) => {
        const { reason } = said;
        if (answer !== 'agree' && answer !== 'retry' && answer !== 'decline')
          throw new Failure(EXIT.usage, 'usage', 'the answer is agree, retry or decline');
        if ((answer === 'decline') !== (reason !== undefined))
          throw new Failure(
            EXIT.usage,
            'usage',
            'decline takes a reason, which goes on the log, and nothing else does',
            `headgate answer ${rollout} decline --reason "…"`,
          );
        const asks = await client.call('showRollout', { rollout });
        // What is shown is what is answered: the next question takes an answer of its own.
        if (asks.question !== undefined) out.line(`it asks: ${printable(asks.question)}`);
        const step = said.step ?? (asks.question === undefined ? undefined : asks.step);
        const asked = said.asked === undefined ? asks.asked : questionNumber(said.asked);
        const about = { ...(step !== undefined && { step }), ...(asked !== undefined && { asked }) };
        const body = { answer, ...(reason !== undefined && { reason }), ...about } as const;
        const after = await client.call('answerRollout', { rollout, body });
        const stands = `${after.id}  ${after.phase}  ${after.result ?? after.reason ?? ''}`;
        const why = answer === 'decline' ? await explained(client, after.promotion) : undefined;
        const lines = why === undefined ? [] : declinedLines(why);
        out.answer(after, [stands, ...lines].map(printable).join('\n'));
        return EXIT.ok;
      }),
    );
};

interface Said {
  readonly reason?: string;
  readonly step?: string;
  readonly asked?: string;
}

function questionNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Failure(EXIT.usage, 'usage', '--asked takes the number that stands in the question’s own command');
}

/** What an approval came to: whether it is a new one, and how many more are waited for, as the gate itself says it. */
async function approvedText({ client }: Session, before: Promotion, after: Promotion): Promise<string> {
  const { id: me } = await client.call('whoami');
  const known = new Set(before.approvals.filter(({ by }) => by === me).map(({ at }) => at));
  const isNew = after.approvals.some(({ by, at }) => by === me && !known.has(at));
  const said = isNew ? 'approved' : 'yours counts already';
  // Asked for after the word was taken.
  const why = await explained(client, after.id);
  const awaited = approvalAwaited(why);
  const first =
    awaited === undefined
      ? `${said}; how it goes on: headgate watch ${after.id}`
      : `${said}${isNew ? '' : ', somebody else has to approve too'}: ${awaited.because}; still needed: ${awaited.unblock}`;
  // What a person types is told whole: a gate's unblock may name a digest in a command.
  return [withShortDigests(printable(first)), ...closedGateLines(why)].join('\n');
}

interface EnvelopeShape {
  readonly application: string;
  readonly environment: string;
  readonly release: { readonly digest: string; readonly version: string };
  readonly cells: readonly {
    readonly cell: string;
    readonly steps: readonly {
      readonly id: string;
      readonly action: {
        readonly kind: string;
        readonly migrations?: readonly { readonly file: { readonly name: string; readonly digest: string } }[];
      };
      readonly undo: {
        readonly approver?: string;
        readonly action?: { readonly kind: string; readonly store?: string };
      };
    }[];
  }[];
  readonly gates: readonly { readonly gate: string; readonly params?: { readonly waivers?: unknown } }[];
  readonly pointOfNoReturn: { readonly step: string; readonly cell: string; readonly because: string } | null;
  readonly rollbackScope: string;
  readonly latestFinish: number;
}

/**
 * What an approval binds to, all of it from the envelope's own bytes, whose digest is compared here: what the server says of
 * the promotion beside them is not what is signed, and where it differs nothing is.
 */
async function binding({ client }: Session, promotion: Promotion): Promise<string> {
  const bytes = await client.call('getBlob', { digest: promotion.envelope });
  if (digestOf(bytes) !== promotion.envelope)
    throw new Failure(EXIT.unverified, 'digest-differs', `the envelope's bytes are not those of ${promotion.envelope}`);
  const envelope = JSON.parse(Buffer.from(bytes).toString('utf8')) as EnvelopeShape;
  const { application, environment, release } = envelope;
  const said = [promotion.application, promotion.environment, promotion.release.digest, promotion.release.version];
  if ([application, environment, release.digest, release.version].some((each, i) => each !== said[i]))
    throw new Failure(
      EXIT.unverified,
      'other-envelope',
      `the server says that this is ${said[0]} ${said[3]} for ${said[1]}, and the envelope is of ${application} ${release.version} for ${environment}`,
      'find out who changed it; approve nothing before',
    );
  const losing = envelope.cells.flatMap(({ cell, steps }) =>
    steps.filter(({ undo }) => undo.action?.kind === 'restore').map(({ id }) => `${id} of ${cell}`),
  );
  return [
    'This approval binds to:',
    `  release         ${application} ${release.version} (${release.digest})`,
    `  environment     ${environment}`,
    ...envelope.cells.map(
      ({ cell, steps }) => `  cell            ${cell}: ${steps.length} steps, in their order, with their undo`,
    ),
    `  gates           ${envelope.gates.map((g) => g.gate).join(', ')}`,
    ...waiverLines(envelope),
    `  rollback scope  ${envelope.rollbackScope}`,
    ...(losing.length === 0
      ? []
      : [
          `  undo restores   ${losing.slice(0, 5).join(', ')}${losing.length > 5 ? ` and ${losing.length - 5} more` : ''}`,
        ]),
    `  no return       ${noReturnText(envelope)}`,
    `  latest finish   ${instant(envelope.latestFinish)}`,
    `  envelope        ${promotion.envelope}`,
  ]
    .map(printable)
    .join('\n');
}

/** As `headgate plan` says it: what a migration takes away, its phase doesn't prove. */
function noReturnText({ pointOfNoReturn: point, cells }: EnvelopeShape): string {
  if (point !== null) return `${point.step} in ${point.cell}: ${point.because}`;
  return cells.some(({ steps }) => steps.some(({ action }) => action.kind === 'migrate'))
    ? 'none, as its migrations are declared; what one drops or changes comes back only from a restore point'
    : 'none: every step can be undone';
}

async function confirm({ stdin, out }: Session): Promise<void> {
  const refuse = (why: string) => new Failure(EXIT.usage, 'not-confirmed', why, 'give --yes, or --envelope DIGEST');
  if (out.json || !(stdin as NodeJS.ReadStream).isTTY) throw refuse('nobody can be asked here');
  const asked = createInterface({ input: stdin, output: process.stderr });
  try {
    if ((await asked.question('Approve? [y/N] ')).trim().toLowerCase() !== 'y') throw refuse('not approved');
  } finally {
    asked.close();
  }
}

async function signed({ client, cwd }: Session, { envelope }: Promotion, options: ApproveOptions) {
  const hours = Number(options.hours);
  if (!(hours > 0 && hours <= 24 * 31)) throw new Failure(EXIT.usage, 'usage', '--hours: expected a number up to 744');
  const { id: by } = await client.call('whoami');
  const at = Date.now();
  const content = { envelope, by, at, expiresAt: at + Math.round(hours * HOUR_MS) };
  return signApproval(content, localKey(resolve(cwd, options.signKey as string))) as unknown as Record<string, unknown>;
}
