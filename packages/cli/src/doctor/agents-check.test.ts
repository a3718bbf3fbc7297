import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Status } from '@headgate/contract';
import { expect, test } from 'vitest';
import { agentLines } from '../commands/status.ts';
import { agentFindings } from './agents-check.ts';

const HERE = { folder: undefined, cwd: '/', server: 'http://127.0.0.1:7001' };
const NOW = 1_800_000_000_000;
type Cell = Status['cells'][number];

function cell(name: string, more: Partial<Cell> = {}): Cell {
  return { name, environment: 'production', adopted: true, observedAt: NOW - 5_000, drift: [], ...more } as Cell;
}
const of = (...cells: Cell[]) => agentFindings({ cells, at: NOW, truncated: false }, HERE);

test('cells that are looked at and under control are well', () => {
  expect(of(cell('a'))).toMatchObject([{ verdict: 'ok', why: '1 cell is looked at and under control' }]);
  expect(of(cell('a'), cell('b'))).toMatchObject([{ verdict: 'ok', why: '2 cells are looked at and under control' }]);
});

test('an agent that is away is one finding for its environment, however many cells it leaves unseen', () => {
  const unseen = Array.from({ length: 1_000 }, (_, i) => cell(`c${i}`, { observedAt: NOW - 700_000 - i }));
  const findings = of(...unseen, cell('stage', { environment: 'staging', observedAt: NOW - 800_000 }));
  expect(findings.map(({ why }) => why)).toEqual([
    'nobody has looked at c0, c1, c2, c3, c4 and 995 more for up to 701 s',
    'nobody has looked at stage for up to 800 s',
  ]);
  expect(findings.map(({ mend }) => mend)).toEqual([
    'see that the agent of production runs and reaches the server',
    'see that the agent of staging runs and reaches the server',
  ]);
});

test.each<[string, Partial<Cell>, RegExp]>([
  ['that was never seen', { observedAt: null }, /no agent has looked at a/],
  ['that is foreign', { adopted: false }, /not under control: a/],
  ['that drifted', { drift: [{ store: 'main', why: 'it is at 9' }] }, /store main of a has drifted: it is at 9/],
])('a cell %s is wrong', (_what, more, why) => {
  expect(of(cell('a', more), cell('b'))).toMatchObject([{ verdict: 'wrong', why: expect.stringMatching(why) }]);
});

test('no cell at all, and more than one look shows, are not known', () => {
  expect(of().map(({ verdict }) => verdict)).toEqual(['unknown']);
  const many = agentFindings({ cells: [cell('a')], at: NOW, truncated: true }, HERE);
  expect(many.map(({ verdict }) => verdict)).toEqual(['unknown']);
});

test('an agent that ended by its own word is told of at once, with how; one that was killed once it was silent too long', () => {
  const ended = (how: 'ended' | 'stopped') => ({
    id: 'agt_shop',
    heardAt: NOW - 2_000,
    ended: { at: NOW - 1_000, how },
  });
  const stopped = of(cell('a', { agent: ended('stopped') }), cell('b', { agent: ended('stopped') }));
  expect(stopped).toMatchObject([
    {
      verdict: 'wrong',
      why: expect.stringMatching(/^a, b: a person ended agt_shop and all that it ran there, at 2027-/),
    },
  ]);
  expect(stopped[0]?.mend).toBe('start it where it was enrolled: headgate-agent run --config FILE');
  expect(of(cell('a', { agent: ended('ended') }))[0]?.why).toMatch(/agt_shop ended at .* what it ran there lives on/);
  const heard = (ms: number) => of(cell('a', { agent: { id: 'agt_shop', heardAt: NOW - ms } }))[0];
  expect(heard(45_000)?.verdict).toBe('ok');
  expect(heard(46_000)).toMatchObject({
    verdict: 'wrong',
    why: expect.stringMatching(/nothing was heard of agt_shop since .*\(46 s\)/),
  });
  // An older server doesn't say.
  expect(of(cell('a', { agent: { id: 'agt_shop', heardAt: null } }))[0]?.verdict).toBe('ok');
});

test('while cells aren’t read back since a restore, an agent that isn’t heard is told to take the log up, not to start', () => {
  const unheard = (name: string) => cell(name, { agent: { id: 'agt_shop', heardAt: NOW - 60_000 } });
  const told = (unread: readonly string[], ...cells: Cell[]) => {
    const recovery = { unread: unread.map((each) => ({ cell: each })), truncated: false } as never;
    return agentFindings({ cells, at: NOW, truncated: false }, HERE, recovery)[0];
  };
  const cut = told(['b'], unheard('a'), unheard('b'));
  expect(cut?.why).toMatch(/doesn’t reach the server, or it runs and refuses the log; .*restored/);
  expect(cut?.mend).toMatch(
    /^take the restored log up where it was enrolled: headgate-agent stop --config FILE --agent-only && headgate-agent accept-restored-log --config FILE, .*; then headgate-agent run --config FILE\./,
  );
  const ended = { id: 'agt_shop', heardAt: NOW - 2_000, ended: { at: NOW - 1_000, how: 'ended' as const } };
  expect(told(['a'], cell('a', { agent: ended }))?.mend).toMatch(/enrolled: headgate-agent accept-restored-log /);
  expect(told(['a'], cell('a', { observedAt: NOW - 700_000 }))?.mend).toMatch(/accept-restored-log/);
  expect(told(['other'], unheard('a'))?.mend, 'of cells that are known nothing is asked').toMatch(/^start it where/);
  expect(told([], unheard('a'))?.mend).toMatch(/^start it where/);
});

test('of an agent that isn’t heard, both addresses are named where its own is another one, and the field that mends it', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'headgate-astray-'));
  try {
    await mkdir(join(cwd, '.headgate', 'agent'), { recursive: true });
    const config = (server: string) =>
      writeFile(join(cwd, '.headgate', 'agent', 'agent.yaml'), `version: 1\nname: agt_shop\nserver: ${server}\n`);
    const here = { folder: join(cwd, '.headgate'), cwd, server: 'http://127.0.0.1:7001' };
    const findings = (...cells: Cell[]) => agentFindings({ cells, at: NOW, truncated: false }, here);
    const silent = cell('a', { agent: { id: 'agt_shop', heardAt: NOW - 60_000 } });
    const moved = {
      verdict: 'wrong',
      why: expect.stringContaining(
        'agt_shop asks http://127.0.0.1:7000 (server: in .headgate/agent/agent.yaml), and this command asks http://127.0.0.1:7001',
      ),
      mend: 'if the server is at http://127.0.0.1:7001 now: write server: http://127.0.0.1:7001 into .headgate/agent/agent.yaml, then: headgate-agent stop --config .headgate/agent/agent.yaml --agent-only && headgate-agent run --config .headgate/agent/agent.yaml',
    };
    await config('http://127.0.0.1:7000');
    expect(findings(silent)).toMatchObject([moved]);
    expect(findings(), 'it never came').toMatchObject([moved]);
    const [told] = agentLines({ cells: [silent], at: NOW } as Status, here);
    expect(told, 'status says the same').toMatch(
      /^NOBODY LOOKS at cell a: .*; agt_shop asks http:\/\/127\.0\.0\.1:7000 /,
    );
    expect(told).toContain(moved.mend);
    expect(findings(cell('a', { agent: { id: 'agt_shop', heardAt: NOW - 1_000 } }))[0]?.verdict).toBe('ok');
    await config('http://localhost:7001');
    expect(findings(silent)[0]?.mend).toMatch(/^start it where it was enrolled: /);
    expect(agentLines({ cells: [silent], at: NOW } as Status, here)[0]).toContain(
      'to start it where it was enrolled: ',
    );
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});
