/** `traceparent` of the W3C's Trace Context: version, trace, span and flags. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A caller's trace context when it is one; anything else is as if there were none. */
export function traceParentOf(text: unknown): string | undefined {
  return typeof text === 'string' && TRACEPARENT.test(text) ? text : undefined;
}
