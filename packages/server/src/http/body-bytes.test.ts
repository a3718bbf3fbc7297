import { describe, expect, test } from 'vitest';
import { BodyBytes, type ComingBody } from './body-bytes.ts';

const ROOM = { most: 100, ofOne: 60 };
const bodies = () => new BodyBytes({ people: ROOM, agents: ROOM }, 10);
function begun(own: BodyBytes, id: string, announced = 0, kind: 'people' | 'agents' = 'people'): ComingBody {
  const body = own.begin(kind, id, announced);
  if ('refusal' in body) throw new Error(body.refusal.why);
  return body;
}

describe('a body takes room', () => {
  test('by what came of it, and not by what it announces', () => {
    const own = bodies();
    for (let i = 0; i < 50; i++) begun(own, 'usr_slow', 60);
    expect(begun(own, 'usr_1', 60).take(60)).toBeUndefined();
  });

  test('but for its beginning: a small one is never refused', () => {
    const own = bodies();
    for (const id of ['usr_1', 'usr_2']) begun(own, id).take(60);
    expect(begun(own, 'usr_1', 10).take(10)).toBeUndefined();
    expect(own.begin('people', 'usr_3', 11)).toMatchObject({ refusal: { code: 'too-busy' } });
  });

  test('until it is over, once', () => {
    const own = bodies();
    const first = begun(own, 'usr_1');
    first.take(70);
    expect(own.begin('people', 'usr_1', 11)).toMatchObject({ refusal: { code: 'too-many-requests' } });
    for (let i = 0; i < 2; i++) first.end();
    expect(begun(own, 'usr_1', 60).take(60)).toBeUndefined();
    expect(first.take(1_000)).toBeUndefined();
  });
});

test('one principal has a part, all people and all agents have theirs, and each is told which is full', () => {
  const own = bodies();
  const slow = begun(own, 'usr_1');
  expect(slow.take(70)).toBeUndefined();
  expect(slow.take(1)).toMatchObject({ code: 'too-many-requests', where: 'principal/usr_1' });
  const other = begun(own, 'usr_2', 40);
  expect(other.take(50)).toBeUndefined();
  expect(other.take(1)).toMatchObject({ code: 'too-busy' });
  expect(begun(own, 'agt_1', 60, 'agents').take(60)).toBeUndefined();
});
