/** `headgate notify`, in this process, against a real server and a real receiver. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { RealServer } from '@headgate/server/testing/real-server';
import { Receiver } from '@headgate/server/testing/receiver';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommandLine } from './program.ts';

let receiver: Receiver;
let server: RealServer;
let folder: string;

async function headgate(...args: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const into = () =>
    new Writable({
      write(chunk, _encoding, done) {
        out += String(chunk);
        done();
      },
    });
  const { signal: stop } = new AbortController();
  const streams = { stdin: Readable.from(['']), stdout: into(), stderr: into() };
  const code = await runCommandLine(args, { env: {}, cwd: folder, ...streams, stop });
  return { code, out };
}

beforeAll(async () => {
  receiver = await Receiver.open();
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  server = await RealServer.start({ env: { HEADGATE_NOTIFY_KEY: secret, HEADGATE_NOTIFY_ALLOW: receiver.address } });
  folder = await mkdtemp(join(tmpdir(), 'headgate-notify-'));
  await symlink(server.dataDir, join(folder, '.headgate'));
  const hook = (name: string, url: string) =>
    `{name: ${name}, type: webhook, url: ${url}, secrets: [{env: HEADGATE_NOTIFY_KEY}]}`;
  const text = `
apiVersion: headgate/v1
kind: Notification
metadata: {name: team, owner: team-shop}
spec:
  audience: team
  channels: [${hook('good', receiver.url)}, ${hook('inside', 'http://169.254.169.254/latest')}]
  templates: [{about: started, subject: "Hey {{application}}", text: "off {{version}} goes, {{cell}}<b>"}]
`;
  const manager = await server.client('release-manager');
  await manager.call('applyDocuments', { body: { files: [{ name: 'n.yaml', text }] } });
}, 60_000);

afterAll(async () => {
  await server?.remove();
  await receiver?.close();
  await rm(folder, { recursive: true, force: true });
});

it('tries a channel and says how that ended', async () => {
  const good = await headgate('notify', 'test', 'team', 'good');
  expect(good).toMatchObject({ code: 0, out: expect.stringContaining('was taken by team/good') });
  expect(receiver.received).toHaveLength(1);
  const inside = await headgate('notify', 'test', 'team', 'inside');
  expect(inside).toMatchObject({ code: 1, out: expect.stringContaining('--notify-allow') });
  expect(await headgate('notify', 'test', 'team', 'none')).toMatchObject({ code: 3 });
});

it('lists, and retries what was given up alone', async () => {
  const { out } = await headgate('--json', 'notify', 'list', '--state', 'given-up');
  const [given] = JSON.parse(out) as { id: string; channel: string }[];
  expect(given?.channel).toBe('inside');
  expect(await headgate('notify', 'retry', given?.id ?? '')).toMatchObject({ code: 0 });
  expect((await headgate('notify', 'list', '--channel', 'good')).out).toMatch(/team\/good +test +sent/);
  const sent = JSON.parse((await headgate('--json', 'notify', 'list', '--state', 'sent')).out) as { id: string }[];
  expect(await headgate('notify', 'retry', sent[0]?.id ?? '')).toMatchObject({ code: 1 });
  expect(await headgate('--as', 'developer', 'notify', 'retry', given?.id ?? '')).toMatchObject({ code: 4 });
  expect(await headgate('notify', 'list', '--state', 'lost')).toMatchObject({ code: 2 });
});

it('previews what the Notification says instead, and the shipped words else', async () => {
  expect((await headgate('notify', 'preview', 'team', 'started')).out).toBe('Hey shop\n\noff 2.4.0 goes, live<b>\n');
  expect((await headgate('notify', 'preview', 'team', 'finished')).out).toContain('shop 2.4.0 in production: promoted');
});
