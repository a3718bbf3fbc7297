/** Names of letters, digits, `. _ -`, none of them a dot alone or hidden, at most so many characters in all. */
const KEY = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}(\/[A-Za-z0-9_][A-Za-z0-9._-]{0,199}){0,15}$/;
const LONGEST = 800;

/** A key as it is, or throws: it becomes a path and a URL, so nothing in it may lead elsewhere. */
export function plainKey(key: string): string {
  if (key.length > LONGEST || !KEY.test(key)) throw new Error('That is no key of an object');
  return key;
}

/** A prefix of whole names, `a/b/`, or none at all. */
export function plainPrefix(prefix: string): string {
  if (prefix !== '') plainKey(prefix.endsWith('/') ? prefix.slice(0, -1) : `${prefix}!`);
  return prefix;
}
