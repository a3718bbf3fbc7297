/** Which addresses messages may go to. */
import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** What is not the public internet: RFC 6890 and its registries, IPv4 and IPv6. */
const CLOSED_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** All of IPv6 but what is handed out as global unicast; and of that, what only carries an IPv4 address within it. */
const OPEN_V6 = [['2000::', 3]] as const;
const CLOSED_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const closed = new BlockList();
for (const [net, bits] of CLOSED_V4) closed.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of CLOSED_V6) closed.addSubnet(net, bits, 'ipv6');
const openV6 = new BlockList();
for (const [net, bits] of OPEN_V6) openV6.addSubnet(net, bits, 'ipv6');

/** Whether an address is on the public internet. What is no address isn't. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !closed.check(address, 'ipv4');
    case 6:
      // An address with a zone, and one that maps an IPv4 address, is in none of these, so it isn't open.
      return !address.includes('%') && openV6.check(address, 'ipv6') && !closed.check(address, 'ipv6');
    default:
      return false;
  }
}

/** Targets that the server's configuration allows beyond the public ones: `host:port`, or a network as `address/bits`. */
export class Allowed {
  readonly #targets = new Set<string>();
  readonly #nets = new BlockList();

  /** Throws a TypeError that names the item that can't be read. */
  constructor(items: readonly string[]) {
    for (const item of items) {
      const [, address, bits] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(item) ?? [];
      const family = isIP(address ?? '');
      if (address !== undefined && family > 0 && Number(bits) <= (family === 4 ? 32 : 128)) {
        this.#nets.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
      } else if (/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(item)) {
        this.#targets.add(item.toLowerCase());
      } else {
        throw new TypeError(`${item}: expected host:port, or a network like 10.1.0.0/16`);
      }
    }
  }

  /** A target by name and port: it may be private, and spoken to in plain text. */
  target(host: string, port: number): boolean {
    const shown = isIP(host) === 6 ? `[${host}]` : host;
    if (this.#targets.has(`${shown}:${port}`.toLowerCase())) return true;
    return isIP(host) > 0 && this.address(host);
  }

  address(address: string): boolean {
    const family = isIP(address);
    return family > 0 && this.#nets.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** A target that isn't allowed: trying again is no use until the configuration or the document changes. */
export class TargetRefused extends Error {}

/** Addresses of a target, each of them allowed. Throws {@link TargetRefused}, or what the resolver threw. */
export async function allowedAddresses(
  host: string,
  port: number,
  allowed: Allowed,
): Promise<readonly LookupAddress[]> {
  const found = isIP(host) > 0 ? [{ address: host, family: isIP(host) }] : await resolved(host);
  for (const { address } of found) {
    if (isPublic(address) || allowed.address(address) || allowed.target(host, port)) continue;
    throw new TargetRefused(
      `${host}:${port} isn't on the public internet, and the server's configuration doesn't allow it (--notify-allow)`,
    );
  }
  return found;
}

function resolved(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}

/** Answers a connection's question for its host with addresses that were judged, and asks nobody again. */
export function pinned(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, options, answer) => {
    if (options.all === true) answer(null, [...addresses]);
    else answer(null, addresses[0]?.address ?? '', addresses[0]?.family);
  };
}
