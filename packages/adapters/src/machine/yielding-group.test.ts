import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { groupsOf, isYielding, takeOutOld, yieldProcessor } from './yielding-group.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

describe('a process that works for a step', () => {
  test('makes way with what it starts from then on, and no longer when it serves customers', async ({ skip }) => {
    const child = spawn('/bin/sleep', ['30'], { stdio: 'ignore' });
    started.push(child);
    await new Promise((resolve) => child.once('spawn', resolve));
    const pid = child.pid as number;
    await yieldProcessor(pid, true);
    // A container that may not make control groups, or none that share out the processor: niceness is all there is.
    if (!(await isYielding(pid))) return skip('this machine lets nobody make such a group');
    expect(await isYielding(process.pid)).toBe(false);
    await yieldProcessor(pid, false);
    expect(await isYielding(pid)).toBe(false);
  });

  test('is taken out again when it is old, with whatever it started: beside a full machine it would never end', async ({
    skip,
  }) => {
    const child = spawn('/bin/sh', ['-c', 'sleep 30 & wait'], { stdio: 'ignore', detached: true });
    started.push(child);
    await new Promise((resolve) => child.once('spawn', resolve));
    const pid = child.pid as number;
    await yieldProcessor(pid, true);
    if (!(await isYielding(pid))) return skip('this machine lets nobody make such a group');
    await takeOutOld(60_000);
    expect(await isYielding(pid)).toBe(true);
    await expect
      .poll(async () => {
        await takeOutOld(50);
        return isYielding(pid);
      })
      .toBe(false);
    process.kill(-pid, 'SIGKILL');
  });

  test('that is gone is left alone', async () => {
    await expect(yieldProcessor(2 ** 22 + 1, true)).resolves.toBeUndefined();
    await expect(yieldProcessor(2 ** 22 + 1, false)).resolves.toBeUndefined();
  });
});

describe('the group is found', () => {
  const first = '30 23 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct';
  const second = '41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';

  test.each<[string, string, string, ReturnType<typeof groupsOf>]>([
    [
      'below the agent’s own, in the first version',
      '4:memory:/x\n1:cpu,cpuacct:/unit\n0::/',
      first,
      { home: '/sys/fs/cgroup/cpu/unit', yielding: '/sys/fs/cgroup/cpu/unit/headgate-yielding' },
    ],
    [
      'in a container, whose mount shows its own part alone',
      '1:cpu:/docker/abc/unit',
      '30 23 0:28 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      { home: '/sys/fs/cgroup/cpu/unit', yielding: '/sys/fs/cgroup/cpu/unit/headgate-yielding' },
    ],
    [
      'beside it, in the second, where the agent was given the group above',
      '0::/system.slice/headgate-agent@production.service/agent',
      second,
      {
        home: '/sys/fs/cgroup/system.slice/headgate-agent@production.service/agent',
        yielding: '/sys/fs/cgroup/system.slice/headgate-agent@production.service/headgate-yielding',
      },
    ],
  ])('%s', (_where, cgroup, mountinfo, groups) => {
    expect(groupsOf(cgroup, mountinfo)).toEqual(groups);
  });

  test.each([
    ['where nobody handed the agent a subtree', '0::/system.slice/headgate-agent.service', second],
    ['where the processor is shared out by nothing', '4:memory:/x', first],
    [
      'outside of what is mounted',
      '1:cpu:/elsewhere',
      '30 23 0:28 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
    ],
    ['of files that say nothing', '', ''],
  ])('nowhere %s', (_where, cgroup, mountinfo) => {
    expect(groupsOf(cgroup, mountinfo)).toBeUndefined();
  });
});
