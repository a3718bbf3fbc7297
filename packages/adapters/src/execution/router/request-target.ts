/**
 * Why a request target isn't sent on; `undefined` when it is, and then it arrives as it was asked. Whoever reads the path
 * otherwise than we do could else be told of one tenant while we looked up another: on the way to a slot the path is read
 * as a URL of the WHATWG's, which takes `\` for `/`, resolves `.` and `..` (also percent-encoded) and encodes characters.
 */
export function misreadable(target: string, rawHeaders: readonly string[]): string | undefined {
  return misreadableTarget(target) ?? misreadableHost(rawHeaders);
}

const NAME = /^[a-z0-9._-]{1,253}(:\d{1,5})?$/i;
const ADDRESS = /^\[[0-9a-f:.]{2,45}\](:\d{1,5})?$/i;

/**
 * RFC 9110, section 7.2: one name or address, with a port or none. We look a tenant up by the host and pass it on as
 * `x-forwarded-host`, of which many a server takes the last of a list.
 */
function misreadableHost(rawHeaders: readonly string[]): string | undefined {
  const hosts = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host');
  if (hosts.length > 1) return 'There may be one Host header.';
  const [host] = hosts;
  if (host === undefined || NAME.test(host) || ADDRESS.test(host)) return undefined;
  return 'The Host header has to be one name or address, with a port or without.';
}

function misreadableTarget(target: string): string | undefined {
  // RFC 9112, section 3.2: the other forms are for proxies that a client chose, and for a server as a whole.
  if (!target.startsWith('/')) return 'The request target has to be a path that begins with a slash.';
  if (/[\\#]/.test(target))
    return 'The request target may hold neither a backslash nor a fragment; percent-encode them.';
  const path = target.split('?', 1)[0] as string;
  if (new URL(`http://slot${path}`).pathname !== path)
    return 'The path may hold no dot segments, and only characters that RFC 3986 allows; percent-encode others.';
  if (path.split('/').some(dotsWithParameters)) return 'The path may hold no dot segments, with parameters neither.';
  return undefined;
}

/**
 * `..;x`, also with any of it percent-encoded, once or twice: servlet containers take the parameters of a segment away before they
 * resolve it (RFC 3986, section 3.3, leaves them to the application), so that path would end up at another tenant.
 */
function dotsWithParameters(segment: string): boolean {
  if (!/;|%(25)?3b/i.test(segment)) return false;
  const read = segment.replaceAll(/%25/g, '%').replaceAll(/%2e/gi, '.').replaceAll(/%3b/gi, ';');
  return /^\.\.?;/.test(read);
}
