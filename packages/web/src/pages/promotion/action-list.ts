import type { Client, Promotion } from '@headgate/contract';

export interface Action {
  /** As the resource's `actions` call it. */
  readonly name: string;
  readonly label: string;
  readonly color: string;
  /** Whether it takes a person's words, which go on the log. */
  readonly reason: boolean;
  /** Whether it brings back what was moved, so that the dialog shows the way back. */
  readonly goesBack: boolean;
  readonly send: (client: Client, promotion: Promotion, reason: string) => Promise<Promotion>;
}

/** What a promotion's page can send. Whether it may is in the resource. */
export const ACTIONS: readonly Action[] = [
  {
    name: 'approve',
    label: 'Approve',
    color: 'teal',
    reason: false,
    goesBack: false,
    // The envelope that was on the screen: another one is refused.
    send: (client, { id, envelope }) => client.call('approvePromotion', { promotion: id, body: { envelope } }),
  },
  {
    name: 'go',
    label: 'Go',
    color: 'teal',
    reason: true,
    goesBack: false,
    send: (client, { id }, reason) => client.call('sayGo', { promotion: id, body: { reason } }),
  },
  {
    name: 'reject',
    label: 'Reject',
    color: 'red',
    reason: true,
    goesBack: true,
    send: (client, { id }, reason) => client.call('rejectPromotion', { promotion: id, body: { reason } }),
  },
  {
    name: 'pause',
    label: 'Pause',
    color: 'orange',
    reason: true,
    goesBack: false,
    send: (client, { id }, reason) => client.call('pausePromotion', { promotion: id, body: { reason } }),
  },
  {
    name: 'resume',
    label: 'Resume',
    color: 'blue',
    reason: false,
    goesBack: false,
    send: (client, { id }) => client.call('resumePromotion', { promotion: id }),
  },
  {
    name: 'rollback',
    label: 'Roll back',
    color: 'red',
    reason: true,
    goesBack: true,
    send: (client, { id }, reason) => client.call('rollBackPromotion', { promotion: id, body: { reason } }),
  },
  {
    name: 'keep',
    label: 'Keep',
    color: 'blue',
    reason: false,
    goesBack: false,
    send: (client, { id }) => client.call('keepPromotion', { promotion: id }),
  },
];
