import { expect, test } from 'vitest';
import { mountPoints, mountPointsAt } from './mount-points.ts';

test('mount points are read with the blanks in their names', () => {
  const info = [
    '22 1 0:21 / / rw - overlay overlay rw',
    '36 22 98:0 /mnt1 /var/lib/a\\040b\\134c rw,noatime shared:1 - ext3 /dev/root rw',
    '',
  ].join('\n');
  expect(mountPoints(info)).toEqual(['/', '/var/lib/a b\\c']);
});

test('what is mounted at a folder or below is found, and nothing beside it', async () => {
  expect(await mountPointsAt('/proc')).toContain('/proc');
  expect(await mountPointsAt('/')).toContain('/proc');
  expect(await mountPointsAt('/proc/self/fd')).toEqual([]);
});
