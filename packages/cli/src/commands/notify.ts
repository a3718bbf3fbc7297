import { type Client, type Delivery, deliveryState, previewed } from '@headgate/contract';
import { didYouMean } from '@headgate/documents/schema/nearest';
import type { Install, Session } from '../command.ts';
import { type FoundDocument, findDocument } from '../documents/document-ref.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { instant, printable, table } from '../output.ts';
import { everything } from '../paging.ts';

interface ListOptions {
  readonly promotion?: string;
  readonly notification?: string;
  readonly channel?: string;
  readonly state?: Delivery['state'];
}

const ABOUT = previewed.options;
const STATES: readonly string[] = deliveryState.options;

/** How often a trial is looked at, and for how long. Milliseconds. */
const LOOK_MS = 100;
const TRIAL_MS = 20_000;

/** Messages to people: what was sent, what waits, and whether a channel works. */
export const notify: Install = (program, act) => {
  const group = program.command('notify').description('messages to people and programs');
  group
    .command('list')
    .description('messages: sent, waiting, given up, and why')
    .option('--promotion <id>', 'about one promotion')
    .option('--notification <name>', 'of one Notification')
    .option('--channel <name>', 'to one channel')
    .option('--state <state>', STATES.join(', '))
    .action(
      act(async ({ client, out }, options: ListOptions) => {
        if (options.state !== undefined && !STATES.includes(options.state))
          throw new Failure(EXIT.usage, 'usage', `--state ${options.state}: expected one of ${STATES.join(', ')}`);
        const found = await everything((cursor) =>
          client.call('listDeliveries', { ...options, ...cursor, limit: 200 }),
        );
        if (found.length === 0) await thereOrNot(client, options);
        out.answer(found, shown(found));
        return EXIT.ok;
      }),
    );
  group
    .command('test <notification> <channel>')
    .description('send a trial, and wait for how it ends')
    .action(
      act(async (session, notification: string, channel: string) => {
        const { id } = await session.client.call('testNotification', { notification, body: { channel } });
        return settled(session, id, TRIAL_MS);
      }),
    );
  group
    .command('retry <message>')
    .description('send a message again that was given up, or waits after a failure')
    .action(
      act(async ({ client, out }, delivery: string) => {
        const again = await client.call('retryDelivery', { delivery });
        out.answer(again, `${again.id} is sent again to ${again.notification}/${again.channel}`);
        return EXIT.ok;
      }),
    );
  group
    .command('preview <notification> <about>')
    .description(`how a message would read: ${ABOUT.join(', ')}`)
    .option('--html', 'the mail’s HTML part')
    .action(
      act(async ({ client, out }, notification: string, about: string, options: { html?: boolean }) => {
        if (!(ABOUT as readonly string[]).includes(about))
          throw new Failure(EXIT.usage, 'usage', `${about}: expected one of ${ABOUT.join(', ')}`);
        const seen = await client.call('previewNotification', { notification, about: about as (typeof ABOUT)[number] });
        const words = options.html === true ? seen.html : seen.text;
        out.answer(seen, [seen.subject, '', ...words.split('\n')].map(printable).join('\n'));
        return EXIT.ok;
      }),
    );
};

function shown(found: readonly Delivery[]): string {
  const rows = found.map((d) => [
    d.id,
    `${d.notification}/${d.channel}`,
    d.about,
    d.count === 1 ? '' : `× ${d.count}`,
    d.state,
    instant(d.endedAt ?? d.dueAt),
    String(d.attempt),
    d.state === 'sent' ? '' : (d.why ?? ''),
  ]);
  return table(['MESSAGE', 'CHANNEL', 'ABOUT', '', 'STATE', 'AT', 'ATTEMPTS', 'WHY'], rows);
}

async function settled({ client, out, stop }: Session, id: string, withinMs: number): Promise<number> {
  const end = performance.now() + withinMs;
  for (;;) {
    const delivery = await client.call('showDelivery', { delivery: id });
    if (delivery.state === 'sent') {
      out.answer(delivery, `${id} was taken by ${delivery.notification}/${delivery.channel}`);
      return EXIT.ok;
    }
    const failed = delivery.state === 'given-up' || delivery.why !== null;
    if (failed || stop.aborted || performance.now() > end) {
      const text = `${id} is ${delivery.state}: ${delivery.why ?? 'it did not end in time'}`;
      out.answer(delivery, printable(text));
      return EXIT.refused;
    }
    await pause(LOOK_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** That what an empty list was narrowed to is there: the promotion, the Notification, and a channel of that name in one. */
async function thereOrNot(client: Client, { promotion, notification, channel }: ListOptions): Promise<void> {
  if (promotion !== undefined) await client.call('showPromotion', { promotion });
  const one = notification === undefined ? undefined : await findDocument(client, `Notification/${notification}`);
  if (channel === undefined) return;
  const found = one === undefined ? await allNotifications(client) : [one];
  const names = found.flatMap(({ content }) => channelsIn(content));
  if (!names.includes(channel))
    throw notThere(
      `no channel is declared as ${channel}${didYouMean(channel, names)}`,
      'see: headgate document list --kind Notification',
    );
}

async function allNotifications(client: Client): Promise<readonly FoundDocument[]> {
  const all = await everything((page) => client.call('listDocuments', { limit: 200, kind: 'Notification', ...page }));
  return Promise.all(all.map(({ name }) => findDocument(client, `Notification/${name}`)));
}

function channelsIn({ spec }: FoundDocument['content']): readonly string[] {
  const { channels = [] } = (spec ?? {}) as { readonly channels?: readonly { readonly name: string }[] };
  return channels.map(({ name }) => name);
}
