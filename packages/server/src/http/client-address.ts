/** Which address a request comes from, also behind balancers. Only they are believed what they say of others. */
import { BlockList, isIP } from 'node:net';

/** Addresses and networks (`10.0.0.0/8`) of the balancers before this server. Throws a TypeError that says what is none. */
export function trustedProxies(items: readonly string[]): BlockList {
  const trusted = new BlockList();
  for (const item of items) {
    const [address = '', bits, ...more] = item.split('/');
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    if (version === 0 || more.length > 0 || (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)))
      throw new TypeError(`${item}: expected an address or a network, like 10.0.0.7 or 10.0.0.0/24`);
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  return trusted;
}

/** Forwarded addresses that are looked at: nobody stands behind more balancers. */
const MOST_HOPS = 20;

/**
 * The address that a request is counted by: the connection's own, unless that is a trusted proxy's. Then the last one in
 * `X-Forwarded-For` that isn't a trusted proxy's either: what stands before it the caller may have written. A trusted
 * proxy that names nobody, or what is no address, is counted itself.
 */
export function clientAddress(
  remote: string,
  forwardedFor: string | readonly string[] | undefined,
  trusted: BlockList,
) {
  let last = plain(remote);
  if (!trusts(trusted, last)) return last;
  const hops = [forwardedFor ?? []].flat().join(',').split(',').slice(-MOST_HOPS);
  for (const hop of hops.reverse()) {
    const address = plain(hop.trim());
    if (isIP(address) === 0) return last;
    last = address;
    if (!trusts(trusted, address)) return address;
  }
  return last;
}

/**
 * Whose an address is, as far as anybody can tell from outside: an IPv4 address itself; of an IPv6 address its first 64 bits,
 * since whoever has one of them has them all (RFC 6177).
 */
export function networkOf(address: string): string {
  const own = plain(address);
  if (isIP(own) !== 6) return own;
  const [before = '', behind] = (own.split('%', 1)[0] as string).toLowerCase().split('::');
  const groups = before === '' ? [] : before.split(':');
  const more = behind === undefined || behind === '' ? [] : behind.split(':');
  // What stands as IPv4 at the end takes the place of two.
  const given = groups.length + more.length + (own.includes('.') ? 1 : 0);
  const all = [...groups, ...Array.from({ length: Math.max(0, 8 - given) }, () => '0'), ...more];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

export function trusts(trusted: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && trusted.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** An IPv4 address that an IPv6 socket shows, as itself. */
export function plain(address: string): string {
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1] ?? address;
}
