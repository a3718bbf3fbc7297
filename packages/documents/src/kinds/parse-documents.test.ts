import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { canonicalJson } from '../canonical.ts';
import { digestOfJson } from '../digest.ts';
import { MAX_YAML_BYTES } from '../yaml/read-yaml.ts';
import { KIND_NAMES } from './catalog.ts';
import { parseDocuments, readDocument } from './parse-documents.ts';
import { SAMPLE } from './testing/sample.ts';

function messages(text: string, file = 'x.yaml'): string[] {
  const parsed = parseDocuments(text, { file });
  return parsed.ok ? [] : parsed.problems.map((problem) => problem.message);
}

/** The sample's document of a kind with something replaced. */
function changed(kind: string, from: string, to: string): string {
  const documents = SAMPLE.split('---\n').filter((text) => text.includes(`kind: ${kind}\n`));
  const text = documents.at(-1)!;
  if (!text.includes(from)) throw new Error(`the sample's ${kind} has no ${from}`);
  return text.replace(from, to);
}

describe('declared documents', () => {
  const parsed = parseDocuments(SAMPLE, { file: 'sample.yaml' });
  if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join('\n'));

  it('of a verification may give the token to XML-RPC, and see its faults', () => {
    const text = changed(
      'Verification',
      'body: {minutes: 30, note: "check {$inputs.run}"}',
      'xmlRpc: {method: m, params: [db, 1, $inputs.token, {a: "{$inputs.run}"}], nilFault: nothing}',
    ).replace('$statusCode == 201', '$response.fault#/faultCode == 1');
    expect(messages(text)).toEqual([]);
  });

  it('are read, of every kind, with defaults and places', () => {
    expect(new Set(parsed.documents.map((d) => d.content.kind))).toEqual(new Set(KIND_NAMES));
    expect(parsed.documents[0]).toMatchObject({
      content: { metadata: { name: 'psa', owner: 'team-psa' } },
      place: { file: 'sample.yaml', line: 2, column: 1 },
    });
    const policy = parsed.documents.find((d) => d.content.metadata.name === 'strict')!;
    expect(policy.content.spec).toMatchObject({
      gates: [
        { gate: 'signature', at: 'promotion', params: {} },
        { gate: 'tests-passed', at: 'promotion', params: { minimum: 3 } },
        { at: 'wave' },
        {},
        { at: 'migrate' },
        {},
      ],
      limits: { attempts: 5, stepTimeoutMs: 300_000, timeoutsMs: { verify: 60_000 } },
    });
  });

  it('keep their digest when they are stored as canonical JSON and read again', () => {
    for (const { content, digest } of parsed.documents) {
      const again = readDocument(JSON.parse(canonicalJson(content)), content.kind);
      if (!again.ok) throw new Error(again.why);
      expect(digestOfJson(again.content)).toBe(digest);
    }
  });

  it('of another kind than asked for are refused', () => {
    expect(readDocument(parsed.documents[0]!.content, 'Policy')).toMatchObject({
      ok: false,
      where: 'kind',
      why: 'kind: expected "Policy", found "Application"',
    });
    expect(readDocument('x')).toMatchObject({ ok: false, code: 'document-malformed' });
  });

  it('need no separator at the end, and may be JSON', () => {
    const [first] = parsed.documents;
    const json = parseDocuments(JSON.stringify(first!.content, null, 2), { file: 'x.json' });
    expect(json.ok && json.documents[0]?.digest).toBe(first!.digest);
    expect(parseDocuments(`---\n${SAMPLE}---\n# the end\n---\n`, { file: 'x' })).toMatchObject({ ok: true });
    expect(parseDocuments('', { file: 'x' })).toEqual({ ok: true, documents: [] });
  });

  it('say where, what was expected and what was found', () => {
    const text = changed('Policy', 'params: {minimum: 3}', 'params:\n        minimum: ten');
    expect(messages(text, 'policy.yaml')).toEqual([
      'policy.yaml:9:18 spec.gates[1].params.minimum: expected a whole number >= 1, found "ten"',
    ]);
  });

  test.each([
    ['no owner', changed('Cell', ', owner: team-psa', ''), 'metadata.owner: expected an owner'],
    [
      'a number for a name',
      changed('Cell', 'name: prod-shared', 'name: 42'),
      '3:18 metadata.name: expected a name: 1 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit, found 42; put it in quotes',
    ],
    [
      'an unknown field',
      changed('Tenant', 'ring: broad', 'rings: broad'),
      'spec.rings: expected one of the fields cell, store, ring, calendar, serviceLevel, contacts, found the unknown field "rings", did you mean "ring"?',
    ],
    [
      'an unknown kind',
      changed('Policy', 'kind: Policy', 'kind: Polcy'),
      '2:7 kind: expected one of Application, Environment, Cell, Tenant, Calendar, Policy, Verification, Reconciliation, Notification, Masking, TenantRows, found "Polcy", did you mean "Policy"?',
    ],
    [
      'another API version',
      changed('Policy', 'headgate/v1', 'headgate/v2'),
      '1:13 apiVersion: expected "headgate/v1": this one is of another Headgate, perhaps a newer one, and so is what can read it, found "headgate/v2"',
    ],
    [
      'a time beyond every calendar',
      changed('Policy', 'latestFinishMs: 3600000', 'latestFinishMs: 9007199254740991'),
      'spec.limits.latestFinishMs: expected whole milliseconds from 1 to 316224000000 (ten years)',
    ],
    [
      'an unknown gate',
      changed('Policy', 'gate: window', 'gate: windows'),
      'spec.gates[3].gate: expected a gate: one of signature, tests-passed, migrations-analysed, rehearsed, rollback-rehearsed, restore-drilled, standby-ready, moved-data-agrees, soaked, window, approval, restore-point, go-no-go, found "windows", did you mean "window"?',
    ],
    [
      'a gate where nobody could answer it',
      changed('Policy', 'gate: window', 'gate: go-no-go\n      at: wave'),
      'spec.gates[3].at: expected one of no-return, found "wave"',
    ],
    [
      'an unknown parameter',
      changed('Policy', '{count: 1}', '{count: 1, cuont: 2}'),
      'found the unknown field "cuont", did you mean "count"?',
    ],
    [
      'a waiver without an end',
      changed(
        'Policy',
        'gate: window',
        `gate: migrations-analysed\n      params: {maxAgeMs: 1, longestStallMs: 1, waivers: [{file: 'sha256:1', rule: x, because: y}]}`,
      ),
      'spec.gates[3].params.waivers[0].until: expected a text of 1 to 1000 characters, found nothing',
    ],
    [
      'a missing parameter',
      changed('Policy', 'params: {count: 1}', 'at: wave'),
      'spec.gates[2].params: expected a mapping (key: value), found nothing',
    ],
    ['a mistyped action', changed('Policy', '{verify: 60000}', '{verfiy: 60000}'), 'did you mean "verify"?'],
    ['one slot', changed('Cell', '[blue, green]', '[blue]'), 'spec.slots: expected a list of 2 to 8 items'],
    [
      'a slot twice',
      changed('Cell', '[blue, green]', '[blue, blue]'),
      'spec.slots[1]: expected a value that stands only once in the list, found "blue"',
    ],
    [
      'a store twice',
      changed('Cell', '{name: main}', '{name: own}'),
      'spec.stores[1].name: expected a value that stands only once',
    ],
    [
      'an unknown time zone',
      changed('Calendar', 'Europe/Berlin', 'Europe/Berln'),
      'spec.timezone: expected an IANA time zone like Europe/Berlin, found "Europe/Berln"',
    ],
    [
      'an offset for a time zone',
      changed('Calendar', 'Europe/Berlin', '"+01:00"'),
      'spec.timezone: expected an IANA time zone',
    ],
    [
      'a bad rule',
      changed('Calendar', 'FREQ=DAILY', 'FREQ=DAILY;BYDAY=MONDAY'),
      'spec.windows[0].rrule: expected BYDAY= weekdays like MO,WE or -1FR',
    ],
    [
      'a window without end',
      changed('Calendar', ', durationMinutes: 1500', ''),
      'spec.windows[0].durationMinutes: expected how long the window is open',
    ],
    [
      'a window with two ends',
      changed('Calendar', 'durationMinutes: 1500', 'durationMinutes: 5, end: 2026-01-01T01:00'),
      'durationMinutes or end, not both',
    ],
    [
      'a window that ends before it starts',
      changed('Calendar', 'end: 2026-03-02T02:30:00', 'end: 2026-03-01T21:00'),
      'spec.windows[1].end: expected a time after start',
    ],
    [
      'a start with a zone',
      changed('Calendar', 'start: 2026-01-01T00:00,', 'start: "2026-01-01T00:00:00Z",'),
      'spec.windows[0].start: expected a local date and time',
    ],
    [
      'a freeze without a zone',
      changed('Calendar', 'from: 2026-11-27T00:00:00+01:00', 'from: 2026-11-27T00:00:00'),
      'spec.freezes[0].from: expected a date and time with its zone',
    ],
    [
      'a freeze from a day that there is not',
      changed('Calendar', '2026-11-27T', '2026-11-31T'),
      'spec.freezes[0].from: expected',
    ],
    [
      'a freeze that ends first',
      changed('Calendar', 'to: 2026-12-01', 'to: 2026-11-01'),
      'spec.freezes[0].to: expected an instant after "from"',
    ],
    [
      'tenant keys without rows',
      changed('Application', 'tenancy: rows', 'tenancy: store-per-tenant'),
      'spec.tenantKeys: expected no tenant keys',
    ],
    [
      'a bad expression',
      changed('Verification', '$response.body#/id}', '$respnse.body#/id}'),
      'spec.workflows[0].steps[0].outputs.id: expected an expression',
    ],
    [
      'a bad comparison',
      changed('Verification', '$statusCode == 201', 'statusCode is 201'),
      'spec.workflows[0].steps[0].successCriteria[0].condition: expected a comparison',
    ],
    [
      'an output of no step',
      changed('Verification', '{$steps.create.outputs.id}"', '{$steps.creat.outputs.id}"'),
      'spec.workflows[0].steps[1].request.path: expected the output of an earlier step (create)',
    ],
    [
      'an output that no step has',
      changed('Verification', '{$steps.create.outputs.id}"', '{$steps.create.outputs.number}"'),
      'expected an output of step create (id)',
    ],
    [
      'a response before there is one',
      changed('Verification', 'check {$inputs.run}', 'check {$statusCode}'),
      'request.body.note: expected only inputs and outputs',
    ],
    [
      'the token in a path',
      changed('Verification', 'path: /api/{$inputs.tenant}/entries', 'path: "/api/{$inputs.token}/entries"'),
      'request.path: expected the token only as a whole parameter of XML-RPC',
    ],
    [
      'the token in a header',
      changed('Verification', '"{$inputs.run}-entry"', '"{$inputs.token}"'),
      'request.headers.Idempotency-Key: expected the token only',
    ],
    [
      'the token in a body',
      changed('Verification', '"check {$inputs.run}"', '$inputs.token'),
      'request.body.note: expected the token only',
    ],
    [
      'the token as an output',
      changed('Verification', '$response.body#/id}', '$inputs.token}'),
      'outputs.id: expected the token only',
    ],
    [
      'the token in a criterion',
      changed('Verification', '== $steps.create.outputs.id', '== $inputs.token'),
      'successCriteria[2].condition: expected the token only',
    ],
    [
      'the token as a part of a parameter',
      changed(
        'Verification',
        'body: {minutes: 30, note: "check {$inputs.run}"}',
        'xmlRpc: {method: m, params: ["a{$inputs.token}"]}',
      ),
      'request.xmlRpc.params[0]: expected the token only as a whole parameter',
    ],
    [
      'a fault of a request that is not XML-RPC',
      changed('Verification', '$statusCode == 201', '$response.fault#/faultCode == 1'),
      'successCriteria[0].condition: expected a fault only where the request is XML-RPC',
    ],
    [
      'XML-RPC with a body',
      changed('Verification', 'body: {minutes: 30', 'xmlRpc: {method: m, params: []}\n            body: {minutes: 30'),
      'request.body: expected either a body or xmlRpc',
    ],
    [
      'XML-RPC by GET',
      changed('Verification', 'query: {full: "1"}', 'xmlRpc: {method: m, params: []}'),
      'request.method: expected POST for xmlRpc',
    ],
    [
      'no method',
      changed('Verification', 'request: {method: GET, path', 'request: {path'),
      'request.method: expected a method, or xmlRpc',
    ],
    ['a body for GET', changed('Verification', 'query: {full: "1"}', 'body: {a: 1}'), 'expected no body for GET'],
    [
      'a step twice',
      changed('Verification', 'stepId: read', 'stepId: create'),
      'spec.workflows[0].steps[1].stepId: expected a value that stands only once',
    ],
    [
      'do and ask',
      changed(
        'Reconciliation',
        'ask: Which side is right?',
        'ask: "?"\n      do: {effect: replay, sql: SELECT 1, params: []}',
      ),
      'spec.rules[2].do: expected either do or ask',
    ],
    [
      'values that the statement does not name',
      changed('Reconciliation', 'params: [$tenant, $left.number]', 'params: [$tenant]'),
      'expected 2 values, as many as the statement names',
    ],
    [
      'a value of the side that is not there',
      changed('Reconciliation', 'params: [$tenant, $left.number]', 'params: [$tenant, $right.invoice]'),
      'there is no right one',
    ],
    [
      'a placeholder that is none',
      changed('Reconciliation', '{tenant}', '{tenants}'),
      'spec.right.path: expected no placeholder but {tenant}',
    ],
    [
      'a class that is none',
      changed('Reconciliation', 'ask: Which side is right?', 'ask: Which side is right?\n      class: lost'),
      'expected one of never-happened, half-done, one-side-only, doubled, in-doubt, found "lost"',
    ],
    [
      'a rule for what was asked for, where nobody knows what was',
      changed(
        'Reconciliation',
        'ask: Which side is right?',
        'ask: Again?\n    - name: never\n      when: {side: neither}\n      ask: Again?',
      ),
      'when.side: expected asked, so that it is known what was asked for',
    ],
    [
      'a value of what was asked for, where the fact is on a side',
      changed('Reconciliation', 'params: [$tenant, $left.number]', 'params: [$tenant, $asked.number]'),
      'expected a value of the left side',
    ],
    [
      'money that is not compared',
      changed('Reconciliation', '  rules:', '  money: {field: gross}\n  rules:'),
      'spec.money.field: expected the name of a compared field that is a number',
    ],
    [
      'fewer approvals for a higher risk',
      changed('Reconciliation', '  rules:', '  approvals: {medium: 3}\n  rules:'),
      'spec.approvals: expected no fewer people for a higher risk',
    ],
    ['a key twice', changed('Tenant', 'metadata:', 'kind: Tenant\nmetadata:'), 'expected each key once'],
    ['an alias', 'a: &a 1\nb: *a\n', '2:4: expected plain data: write it out, found the alias *a'],
    ['a tag', 'a: !!binary aGk=\n', 'expected plain data without tags'],
    ['a number as key', '1: 2\n', 'expected a text as key, found "1"; put it in quotes'],
    ['a prototype as key', '__proto__: 2\n', 'expected another key'],
    ['broken YAML', 'a: [1\nb: 2\n', 'expected well-formed YAML'],
    ['a list', '- a\n', 'expected a document with apiVersion: headgate/v1'],
    ['infinity', 'a: .inf\n', 'a: expected a value that JSON has'],
  ])('with %s are refused', (_, text, words) => {
    expect(messages(text).join('\n')).toContain(words);
  });

  it('that stand twice are refused, tenants per cell', () => {
    const tenant = changed('Tenant', 'name: umbrella', 'name: umbrella');
    expect(messages(`${tenant}---\n${tenant}`)).toEqual([
      'x.yaml:8:18 metadata.name: expected each document once, found Tenant "umbrella" again, after line 1',
    ]);
    expect(messages(`${tenant}---\n${tenant.replace('cell: prod-shared', 'cell: other')}`)).toEqual([]);
  });

  it('with many problems name the first 20 of them, by line', () => {
    const tenants = Array.from(
      { length: 30 },
      () => 'apiVersion: headgate/v1\nkind: Tenant\nmetadata: {owner: me}\nspec: {}\n',
    ).join('---\n');
    const parsed = parseDocuments(tenants, { file: 'x' });
    if (parsed.ok) throw new Error('was accepted');
    expect(parsed.problems).toHaveLength(20);
    expect(parsed.problems.map((p) => p.line)).toEqual(parsed.problems.map((p) => p.line).toSorted((a, b) => a - b));
  });

  it('are bounded in size and nesting', () => {
    expect(messages(`# ${'x'.repeat(MAX_YAML_BYTES)}`)[0]).toContain(`expected at most ${MAX_YAML_BYTES} bytes`);
    expect(messages('['.repeat(20_000))[0]).toContain('expected');
    expect(messages(`a: ${'['.repeat(150)}${']'.repeat(150)}`)[0]).toContain('nested at most 100 deep');
  });

  it('never make the reader throw', () => {
    const whole = fc.string({ unit: 'binary' });
    const edited = fc.tuple(
      fc.nat(SAMPLE.length),
      fc.nat(30),
      fc.oneof(
        fc.string(),
        fc.constantFrom('[', '{', '- ', ': ', '&a ', '*a', '!!int ', '|\n', '---\n', '"', '\t', '\u0000'),
      ),
    );
    fc.assert(
      fc.property(whole, (text) => void parseDocuments(text, { file: 'x' })),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(edited, ([at, length, insert]) => {
        void parseDocuments(SAMPLE.slice(0, at) + insert + SAMPLE.slice(at + length), { file: 'x' });
      }),
      { numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(readDocument(value).ok).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...KIND_NAMES), fc.object(), (kind, spec) => {
        const content = { apiVersion: 'headgate/v1', kind, metadata: { name: 'a', owner: 'b' }, spec };
        void readDocument(content);
        void parseDocuments(JSON.stringify(content) ?? '', { file: 'x' });
      }),
      { numRuns: 300 },
    );
  });

  it('takes no longer for many keys in one mapping than for many lines', () => {
    const keys = Array.from({ length: 40_000 }, (_, i) => `  k${i}: 1`).join('\n');
    const begun = performance.now();
    expect(messages(`apiVersion: headgate/v1\nkind: Policy\nspec:\n${keys}\n`)).not.toEqual([]);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
