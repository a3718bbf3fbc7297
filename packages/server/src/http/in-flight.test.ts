import { expect, test } from 'vitest';
import { type FlightBounds, InFlight } from './in-flight.ts';

const FEW = { person: 2, agent: 3, people: 3, agents: 4, words: 'things' };
const BOUNDS: FlightBounds = { request: FEW, page: FEW, download: FEW, upload: FEW, stream: FEW };
const person = (id: string) => ({ id, roles: ['auditor'] as const });
const agent = (id: string) => ({ id, roles: ['agent'] as const });
const codeOf = (begun: ReturnType<InFlight['begin']>) => ('refusal' in begun ? begun.refusal.code : 'admitted');

test('so many of one principal are admitted, and one more once one has ended', () => {
  const own = new InFlight(BOUNDS);
  const first = own.begin('request', person('usr_1'));
  expect(codeOf(own.begin('request', person('usr_1')))).toBe('admitted');
  const third = own.begin('request', person('usr_1'));
  expect(third).toMatchObject({
    refusal: { code: 'too-many-requests', where: 'principal/usr_1', why: '2 things of usr_1 are under way' },
  });
  for (let i = 0; i < 2; i++) (first as { end: () => void }).end();
  expect(codeOf(own.begin('request', person('usr_1')))).toBe('admitted');
  expect(codeOf(own.begin('request', person('usr_1')))).toBe('too-many-requests');
});

test('each kind is counted by itself', () => {
  const own = new InFlight(BOUNDS);
  for (let i = 0; i < 3; i++) own.begin('download', person('usr_1'));
  expect(codeOf(own.begin('request', person('usr_1')))).toBe('admitted');
});

test('all people together take nothing away from agents, and agents nothing from people', () => {
  const own = new InFlight(BOUNDS);
  const people = Array.from({ length: 9 }, (_, i) => codeOf(own.begin('upload', person(`usr_${i}`))));
  expect(people).toEqual([...Array(3).fill('admitted'), ...Array(6).fill('too-busy')]);
  const agents = Array.from({ length: 9 }, (_, i) => codeOf(own.begin('upload', agent(`agt_${i}`))));
  expect(agents.filter((code) => code === 'admitted')).toHaveLength(4);
});
