/** Whether a tenant's way back is begun on disks that have no room for it. */
import { expect, test } from 'vitest';
import { ROOM } from '../../recover/recover-aside.ts';
import { lackOfRoom, type NeedOnDisk } from './room.ts';

const GIB = 1024 ** 3;
const needs = (free: number): readonly NeedOnDisk[] => [
  { what: 'its database', dir: '/pg', bytes: 2 * GIB, disk: 1, free },
  { what: 'its files', dir: '/odoo', bytes: GIB, disk: 1, free },
  { what: 'its dump', dir: '/back', bytes: 2 * GIB, disk: 2, free: 50 * GIB },
];

test('each disk has to have room for all that goes there, and some to spare', () => {
  expect(lackOfRoom(needs(3 * GIB + ROOM))).toBeUndefined();
  const why = lackOfRoom(needs(3 * GIB + ROOM - 1));
  expect(why).toContain('the disk of /pg has');
  expect(why).toContain('its database 2.0 GiB, its files 1.0 GiB');
  expect(why).not.toContain('its dump');
});
