import { describe, expect, test } from 'vitest';
import { parseDocuments } from './parse-documents.ts';

const WEBHOOK = '{name: hook, type: webhook, url: "https://example.org/in", secrets: [{env: HEADGATE_NOTIFY_A}]}';

function read(spec: string) {
  const text = `apiVersion: headgate/v1\nkind: Notification\nmetadata: {name: team, owner: ops}\nspec: ${spec}\n`;
  return parseDocuments(text, { file: 'n.yaml' });
}

function problem(spec: string): string {
  const result = read(spec);
  return result.ok ? '' : result.problems.map((p) => p.message).join('; ');
}

const smtp = (more: string) =>
  `{audience: team, channels: [{name: m, type: smtp, host: mail.example.org, from: a@example.org, to: [b@example.org]${more}}]}`;

describe('a Notification', () => {
  test.each([
    `{audience: team, channels: [${WEBHOOK}]}`,
    `{audience: approvers, principals: [usr_a], channels: [${WEBHOOK}]}`,
    `{audience: customers, tenants: [live/acme], channels: [${WEBHOOK}]}`,
    '{audience: support, channels: [{name: c, type: chat, url: {file: chat.url}}]}',
    smtp(', user: x, password: {file: mail}'),
    `{audience: team, channels: [${WEBHOOK}], quietHours: {timezone: Europe/Berlin, windows: [{name: night, start: 2026-01-01T22:00, rrule: FREQ=DAILY, durationMinutes: 480}]}}`,
    `{audience: team, channels: [${WEBHOOK}], templates: [{about: started, subject: "{{application}}", text: "{{words}}"}]}`,
  ])('may be %s', (spec) => {
    expect(problem(spec)).toBe('');
  });

  test.each([
    ['a secret in the document', WEBHOOK.replace('{env: HEADGATE_NOTIFY_A}', 'whsec_abc'), 'by reference'],
    [
      'another of the server’s variables',
      WEBHOOK.replace('_NOTIFY_A', '_DATABASE_URL'),
      'begins with HEADGATE_NOTIFY_',
    ],
    ['a secret elsewhere', WEBHOOK.replace('env: HEADGATE_NOTIFY_A', 'file: ../log.key'), 'a relative file path'],
    ['no secret', WEBHOOK.replace('{env: HEADGATE_NOTIFY_A}', ''), '1 to 5'],
    ['a password in its URL', WEBHOOK.replace('https://', 'https://u:p@'), 'without a user'],
    ['a file as its URL', WEBHOOK.replace('https://example.org', 'file://'), 'http or https'],
    ['another way', '{name: x, type: pigeon}', 'webhook, chat or smtp'],
  ])('has no channel with %s', (_title, channel, expected) => {
    expect(problem(`{audience: team, channels: [${channel}]}`)).toContain(expected);
  });

  test.each([
    'a@example.org\\r\\nBcc: c@example.org',
    'Name <a@example.org>',
    'a@example.org, b@example.org',
    '"a b"@example.org',
    'a@',
    'a@exa mple.org',
    'ä@example.org',
  ])('is mailed to no address like %s', (address) => {
    const spec = smtp('').replace('[b@example.org]', `["${address.replaceAll('"', '\\"')}"]`);
    expect(problem(spec)).toContain('an e-mail address');
    expect(problem(smtp('').replace('from: a@example.org', `from: "${address.replaceAll('"', '\\"')}"`))).toContain(
      'an e-mail',
    );
  });

  test.each([
    ['customers without their tenants', `{audience: customers, channels: [${WEBHOOK}]}`, 'the tenants'],
    ['a login without a password', smtp(', user: x'), 'user and password'],
    ['no channel', '{audience: team, channels: []}', '1 to 10'],
    [
      'a template that shows a value as it is',
      `{audience: team, channels: [${WEBHOOK}], templates: [{about: started, subject: s, text: "{{{words}}}"}]}`,
      'double braces',
    ],
    [
      'quiet hours nowhere',
      `{audience: team, channels: [${WEBHOOK}], quietHours: {timezone: Mars/Olympus, windows: []}}`,
      'IANA',
    ],
  ])('has not %s', (_title, spec, expected) => {
    expect(problem(spec)).toContain(expected);
  });
});
