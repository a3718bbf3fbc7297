import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { Channel } from '@headgate/documents';
import type { Delivery, Item } from '@headgate/domain';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ChannelCourier } from './courier.ts';
import { Allowed } from './guard.ts';
import { Secrets } from './secrets.ts';

const HOSTILE = 'x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script> <!channel> *bold* {{rule}} \u202eturned';

function delivery(more: Partial<Item> = {}, about: Delivery['about'] = 'started'): Delivery {
  const item: Item = {
    ...{ happening: 'started', at: 0, application: 'shop', environment: 'production', version: '2.0.0' },
    ...{ promotion: 'prm_1', words: HOSTILE, ...more },
  };
  return {
    ...{ id: 'msg_1', rule: 'team', channel: 'c', audience: 'team', about, urgent: false, items: [item], count: 1 },
    ...{ madeAt: 0, attempt: 1, giveUpAt: 1e9, phase: 'sending', until: 1e9 },
  } as Delivery;
}

let http: Server;
let requests: { url: string; headers: IncomingHttpHeaders; body: string }[];
let answer: { status: number; headers?: Record<string, string>; endless?: true } = { status: 200 };
function* endless(): Generator<string> {
  for (;;) yield 'x'.repeat(1_000);
}
let smtp: SMTPServer;
let mails: { from: string; to: string[]; text: string; user: string | undefined }[];
let refuse: { code: number } | undefined;
const httpPort = () => (http.address() as AddressInfo).port;
const smtpPort = () => (smtp.server.address() as AddressInfo).port;

beforeAll(async () => {
  http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({ url: request.url ?? '', headers: request.headers, body });
    response.writeHead(answer.status, answer.headers);
    if (answer.endless === true)
      Readable.from(endless())
        .on('error', () => {})
        .pipe(response);
    else response.end();
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  smtp = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      password === 'right' ? done(null, { user: username }) : done(new Error('no')),
    onRcptTo: (_address, _session, done) =>
      done(refuse === undefined ? null : Object.assign(new Error('refused'), { responseCode: refuse.code })),
    onData(stream, session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        mails.push({ from, to: rcptTo.map((to) => to.address), text, user: session.user as string | undefined });
        done();
      });
    },
  });
  smtp.on('error', () => {});
  await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', done));
});

beforeEach(() => {
  requests = [];
  mails = [];
  answer = { status: 200 };
  refuse = undefined;
});

afterAll(async () => {
  await new Promise((done) => http.close(done));
  await new Promise<void>((done) => smtp.close(done));
});

const KEY = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function send(channel: Channel, of = delivery(), allow = [`127.0.0.1:${httpPort()}`, `127.0.0.1:${smtpPort()}`]) {
  const chat = `http://127.0.0.1:${httpPort()}/services/hidden-part`;
  const env = {
    HEADGATE_NOTIFY_K: KEY,
    HEADGATE_NOTIFY_CHAT: chat,
    HEADGATE_NOTIFY_P: 'right',
    HEADGATE_NOTIFY_P_FOR: `mail.example.org, 127.0.0.1:${smtpPort()}`,
    HEADGATE_NOTIFY_Q: 'wrong',
    HEADGATE_NOTIFY_Q_FOR: '127.0.0.1',
    HEADGATE_NOTIFY_R: 'right',
    HEADGATE_NOTIFY_S: 'right',
    HEADGATE_NOTIFY_S_FOR: `mail.example.org 127.0.0.1:1 27.0.0.1 127.0.0.11`,
  };
  const courier = new ChannelCourier(new Allowed(allow), new Secrets('/nowhere', env));
  return courier.send({ delivery: of, channel, overrides: {}, at: 1_000 }, new AbortController().signal);
}

function hook(url = `http://127.0.0.1:${httpPort()}/in`): Channel {
  return { name: 'c', type: 'webhook', url, secrets: [{ env: 'HEADGATE_NOTIFY_K' }], format: 'message' };
}

const chat: Channel = { name: 'c', type: 'chat', url: { env: 'HEADGATE_NOTIFY_CHAT' } };

describe('a webhook', () => {
  test.each([
    [204, { kind: 'delivered' }],
    [302, { kind: 'failed', why: expect.stringContaining('redirects') }],
    [404, { kind: 'failed', why: expect.stringContaining('404') }],
    [410, { kind: 'refused', why: expect.stringContaining('410') }],
    [500, { kind: 'failed', why: expect.stringContaining('500') }],
  ])('that answers %i', async (status, outcome) => {
    answer = { status, headers: { location: `http://127.0.0.1:${httpPort()}/elsewhere` } };
    expect(await send(hook())).toMatchObject(outcome);
    expect(requests.map((r) => r.url)).toEqual(['/in']);
  });

  test('that asks for time gets it, an hour at most', async () => {
    answer = { status: 429, headers: { 'retry-after': '60' } };
    expect(await send(hook())).toMatchObject({ kind: 'failed', notBefore: 61_000 });
    answer = { status: 503, headers: { 'retry-after': '999999' } };
    expect(await send(hook())).toMatchObject({ kind: 'failed', notBefore: 3_601_000 });
  });

  test('whose answer has no end is heard no further than its beginning', async () => {
    answer = { status: 200, endless: true };
    expect(await send(hook())).toEqual({ kind: 'delivered' });
  });

  test('inside, or in plain text, is refused where the configuration doesn’t name it', async () => {
    const port = httpPort();
    expect(await send(hook(), delivery(), [])).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('plain'),
    });
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]'])
      expect(await send(hook(`https://${host}:${port}/in`), delivery(), [])).toMatchObject({ kind: 'refused' });
    expect(requests).toEqual([]);
  });

  test('that isn’t there failed', async () => {
    const url = 'http://127.0.0.1:1/';
    expect(await send(hook(url), delivery(), ['127.0.0.1:1'])).toEqual({
      kind: 'failed',
      why: 'channel c: ECONNREFUSED',
    });
  });
});

describe('a chat', () => {
  test('is told what happened, and values neither mention, link nor mark up', async () => {
    expect(await send(chat)).toEqual({ kind: 'delivered' });
    const { text } = JSON.parse(requests[0]?.body ?? '') as { text: string };
    expect(text).toContain('shop 2.0.0 goes to production');
    expect(text).not.toMatch(/<|>|\*bold|\u202e/);
    expect(text).toContain('&lt;!channel&gt;');
  });

  test('that fails is named without its address, which is a secret', async () => {
    answer = { status: 403 };
    const outcome = await send(chat);
    expect(outcome).toEqual({ kind: 'failed', why: 'chat c answered 403' });
    expect(JSON.stringify(await send(chat, delivery(), []))).not.toContain('hidden-part');
  });
});

describe('a mail', () => {
  const mail = (more: object = {}): Channel =>
    ({
      ...{ name: 'c', type: 'smtp', host: '127.0.0.1', port: smtpPort(), security: 'none' },
      ...{ from: 'release@example.org', to: ['a@example.org', 'b@example.org'], ...more },
    }) as Channel;

  test('comes to its recipients alone, plain and as HTML, with values that add no header and no markup', async () => {
    expect(await send(mail(), delivery({ version: `2\r\nBcc: evil@example.org` }))).toEqual({ kind: 'delivered' });
    const [{ from, to, text } = { from: '', to: [], text: '' }] = mails;
    expect([from, to]).toEqual(['release@example.org', ['a@example.org', 'b@example.org']]);
    const [head = ''] = text.split('\r\n\r\n');
    expect(head).not.toMatch(/^bcc:/im);
    expect(head).toMatch(/^Message-ID: <msg_1@example\.org>$/m);
    expect(head).toMatch(/^Auto-Submitted: auto-generated$/m);
    expect(text).toContain('text/plain');
    expect(text).toContain('text/html');
    const html = text.slice(text.indexOf('text/html')).replace(/=\r\n/g, '');
    expect(html).not.toContain('<script>');
    expect(html).toContain('&lt;script&gt;');
  });

  test('is sent with a login, and a wrong one isn’t for good', async () => {
    const login = (env: string) => ({ user: 'headgate', password: { env } });
    expect(await send(mail(login('HEADGATE_NOTIFY_P')))).toEqual({ kind: 'delivered' });
    expect(mails[0]?.user).toBe('headgate');
    const wrong = await send(mail(login('HEADGATE_NOTIFY_Q')));
    expect(wrong).toMatchObject({ kind: 'failed', why: expect.stringContaining('EAUTH') });
    expect(JSON.stringify(wrong)).not.toContain('wrong');
  });

  test.each(['HEADGATE_NOTIFY_R', 'HEADGATE_NOTIFY_S', 'HEADGATE_NOTIFY_K'])(
    'says no secret to a host that the operator didn’t write beside it (%s)',
    async (env) => {
      const sent = await send(mail({ user: 'headgate', password: { env } }));
      expect(sent).toMatchObject({ kind: 'failed', why: expect.stringContaining(`${env}_FOR`) });
      expect(mails).toEqual([]);
    },
  );

  test.each([
    [550, 'refused'],
    [450, 'failed'],
  ])('whose recipients are refused with %i is %s', async (code, kind) => {
    refuse = { code };
    expect(await send(mail())).toMatchObject({ kind, why: expect.stringContaining(String(code)) });
  });

  test('goes to nobody whose certificate isn’t believed, and to nobody in plain text unless the configuration says so', async () => {
    expect(await send(mail({ security: 'starttls' }))).toMatchObject({ kind: 'failed' });
    expect(await send(mail(), delivery(), [])).toMatchObject({ kind: 'refused' });
    expect(await send(mail({ security: 'starttls' }), delivery(), [])).toMatchObject({ kind: 'refused' });
    expect(mails).toEqual([]);
  });
});
