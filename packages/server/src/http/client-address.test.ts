import { expect, test } from 'vitest';
import { clientAddress, trustedProxies } from './client-address.ts';

const trusted = trustedProxies(['10.0.0.7', '192.168.0.0/16', 'fd00::/8']);

test.each([
  ['nobody is believed who is no trusted proxy', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['a proxy is believed', '10.0.0.7', '198.51.100.1', '198.51.100.1'],
  ['what the caller wrote before is not', '10.0.0.7', '1.2.3.4, 198.51.100.1', '198.51.100.1'],
  ['proxies behind one another', '10.0.0.7', '198.51.100.1, 192.168.3.4', '198.51.100.1'],
  ['as IPv6 sockets show it', '::ffff:10.0.0.7', '2001:db8::1', '2001:db8::1'],
  ['in two headers', 'fd00::1', ['198.51.100.1', '198.51.100.2'], '198.51.100.2'],
  ['nobody is named', '10.0.0.7', undefined, '10.0.0.7'],
  ['what is no address', '10.0.0.7', '198.51.100.1, somebody', '10.0.0.7'],
  ['all are proxies', '10.0.0.7', '192.168.1.1', '192.168.1.1'],
])('a request is counted by the last address that is no trusted proxy’s: %s', (_, remote, forwarded, address) => {
  expect(clientAddress(remote, forwarded, trusted)).toBe(address);
});

test('without trusted proxies what is forwarded says nothing', () => {
  expect(clientAddress('127.0.0.1', '198.51.100.1', trustedProxies([]))).toBe('127.0.0.1');
});

test.each(['', 'balancer', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', '::/129'])(
  '%s is no proxy’s address',
  (item) => {
    expect(() => trustedProxies([item])).toThrow('expected an address');
  },
);
