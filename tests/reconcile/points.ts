/** Where a process can be killed between an invoice and its acknowledgement, as a dry run through the proxies counts it. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { customer } from '../../examples/psa/testing/customer.ts';
import { eventually } from '../../examples/psa/testing/stand.ts';
import type { Wish } from './books.ts';
import { HttpGate } from './http-gate.ts';
import { Process } from './process.ts';
import { type Trap, WireProxy } from './wire-proxy.ts';
import type { World } from './world.ts';

/** On which way of which process the trap waits. */
export type Way = 'web to store' | 'worker to store' | 'worker to ledger' | 'ledger to its store';

export interface Point {
  readonly way: Way;
  readonly at: number;
  readonly of: number;
  readonly when: 'before' | 'after';
  /** The job's row is gone, too: nothing but a rule can mend it. */
  readonly jobLost: boolean;
}

export function nameOf({ way, at, of, when, jobLost }: Point): string {
  return `${way}, ${when} ${at} of ${of}${jobLost ? ', job lost' : ''}`;
}

/** What a run through a way's processes needs, and what it tells. */
export interface Run {
  readonly wish: Wish;
  /** Statements or requests that went by, once the run is over. */
  readonly passed: readonly string[];
  readonly sprung: boolean;
  readonly close: () => Promise<void>;
}

/** A project with an approved hour, ready to be invoiced: made with the stable version. */
export async function newWish(world: World, tenant: string): Promise<Wish> {
  const client = customer(world.blue.url, tenant);
  const project = (await client.post('projects', { name: 'An hour', ratePerHourCents: 10_000 + world.wishes.length }))
    .body.id;
  const work = { project, person: 'per-001', day: '2026-02-28', minutes: 60 };
  const entry = await client.post('time-entries', work);
  await client.post(`time-entries/${entry.body.id}/approve`, { approver: 'per-900' });
  const wish = { tenant, key: randomUUID(), project };
  world.wishes.push(wish);
  return wish;
}

/** Asks for the invoice. Whether an answer comes is another matter. */
export async function ask(url: string, { tenant, key, project }: Wish): Promise<number | undefined> {
  const reply = await customer(url, tenant)
    .post('invoices', { project }, key)
    .catch(() => undefined);
  return reply?.status;
}

let turn: Promise<unknown> = Promise.resolve();

/** The ledger makes its tables as it starts; two of them at the same moment would collide there, which is not what is measured. */
function inTurn<T>(start: () => Promise<T>): Promise<T> {
  const started = turn.then(start);
  turn = started.catch(() => {});
  return started;
}

/**
 * One wish on its way through real processes, of which one is killed at the trap. Without a trap it is a dry run, until
 * the worker has nothing left to do. Sessions of what was killed are gone when it comes back.
 */
export async function run(world: World, tenant: string, way: Way, trap?: Omit<Trap, 'spring'>): Promise<Run> {
  const { stand, programs } = world;
  const slot = `crash-${randomUUID().slice(0, 8)}`;
  const wish = await newWish(world, tenant);
  await world.route(tenant, slot);
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  const victim: { process?: Process } = {};
  const armed: Trap | undefined = trap && { ...trap, spring: () => victim.process!.kill() };
  const proxy = async (url: string): Promise<WireProxy> => {
    const { hostname, port } = new URL(url);
    const opened = await WireProxy.open({ host: hostname, port: Number(port) });
    closing.push(() => opened.close());
    return opened;
  };
  const kept = (process: Process): Process => {
    closing.push(async () => {
      process.kill();
      await process.ended();
    });
    return process;
  };
  try {
    if (way === 'web to store') {
      const wire = await proxy(stand.storeUrl);
      const web = await Process.serve(path.join(programs, 'web.mjs'), {
        DATABASE_URL: wire.through(stand.storeUrl),
        PSA_SLOT: slot,
        PSA_TOKENS_FILE: stand.tokensFile,
      });
      victim.process = kept(web.process);
      wire.count(armed);
      await ask(web.url, wish);
      const passed = [...wire.statements];
      if (trap !== undefined) await victim.process.ended();
      else await web.process.stop();
      await world.forgotten(wire.ports, 'store');
      return { wish, passed, sprung: wire.sprung, close };
    }

    const answered = await ask(world.blue.url, wish);
    if (answered !== 201) throw new Error(`the stable version answered ${answered}`);
    const workerEnv = { PSA_SLOT: slot, ERP_TOKEN_FILE: stand.erpTokenFile };
    const workerFile = path.join(programs, 'worker.mjs');
    const idle = async (): Promise<void> => {
      const asks = `SELECT 1 FROM job WHERE tenant_id = $1 AND state <> 'done'`;
      await eventually(async () => (await stand.store.query(asks, [tenant])).rowCount === 0, 15_000);
    };

    if (way === 'ledger to its store') {
      const wire = await proxy(stand.ledgerUrl);
      const erp = await inTurn(() =>
        Process.serve(stand.erpFile, {
          DATABASE_URL: wire.through(stand.ledgerUrl),
          ERP_TOKEN_FILE: stand.erpTokenFile,
        }),
      );
      victim.process = kept(erp.process);
      wire.count(armed);
      const worker = kept(Process.start(workerFile, { ...workerEnv, DATABASE_URL: stand.storeUrl, ERP_URL: erp.url }));
      if (trap === undefined) await idle();
      else await erp.process.ended();
      const passed = [...wire.statements];
      // It notices, puts the job back, and ends in order: the ledger died, not it.
      await worker.stop();
      if (trap === undefined) await erp.process.stop();
      await world.forgotten(wire.ports, 'ledger');
      return { wish, passed, sprung: wire.sprung, close };
    }

    const wire = await proxy(stand.storeUrl);
    const gate = await HttpGate.open(stand.erpUrl);
    closing.push(() => gate.close());
    if (way === 'worker to ledger') gate.count(armed);
    wire.count(way === 'worker to store' ? armed : undefined);
    const worker = kept(
      Process.start(workerFile, { ...workerEnv, DATABASE_URL: wire.through(stand.storeUrl), ERP_URL: gate.url }),
    );
    victim.process = worker;
    let passed: readonly string[];
    if (trap === undefined) {
      await idle();
      const { statements } = wire;
      // Its next look for work is the last statement that has to do with this one.
      await eventually(async () => statements.indexOf(statements[0]!, 1) > 0, 5_000);
      passed =
        way === 'worker to ledger'
          ? Array.from({ length: gate.requests }, () => 'POST')
          : statements.slice(0, statements.indexOf(statements[0]!, 1) + 1);
      await worker.stop();
    } else {
      await worker.ended();
      passed = [];
    }
    await world.forgotten(wire.ports, 'store');
    return { wish, passed, sprung: wire.sprung || gate.sprung, close };
  } catch (error) {
    await close();
    throw error;
  }
}
