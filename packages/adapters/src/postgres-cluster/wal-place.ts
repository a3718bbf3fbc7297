/** Places in a write-ahead log, by the names that PostgreSQL gives its segments of 16 MiB. */

/** Size of a segment. Bytes. */
export const SEGMENT_BYTES = 16 * 1024 * 1024;

const SEGMENTS_IN_FILE = 0x1_0000_0000 / SEGMENT_BYTES;

/** A segment's number, the same on every timeline. */
export function segmentNumber(name: string): number {
  return Number.parseInt(name.slice(8, 16), 16) * SEGMENTS_IN_FILE + Number.parseInt(name.slice(16, 24), 16);
}

/** Number of the segment that a place (`0/6000100`) lies in. */
export function segmentOfLsn(lsn: string): number {
  const [high = '', low = ''] = lsn.split('/');
  return Number.parseInt(high, 16) * SEGMENTS_IN_FILE + Math.floor(Number.parseInt(low, 16) / SEGMENT_BYTES);
}

/** The place at which a segment begins. */
export function lsnOfSegment(number: number): string {
  const hex = (value: number): string => value.toString(16).toUpperCase();
  return `${hex(Math.floor(number / SEGMENTS_IN_FILE))}/${hex((number % SEGMENTS_IN_FILE) * SEGMENT_BYTES)}`;
}

/** A segment's number as people read it in file names, without the timeline. */
export function numberText(number: number): string {
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
  return hex(Math.floor(number / SEGMENTS_IN_FILE)) + hex(number % SEGMENTS_IN_FILE);
}

/** Whether one place doesn't lie before another. */
export function reaches(lsn: string, other: string): boolean {
  const place = (text: string): bigint => {
    const [high = '0', low = '0'] = text.split('/');
    return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
  };
  return place(lsn) >= place(other);
}

/** Segments come before histories of no number; among themselves by number, then by timeline. */
export function inLogsOrder(a: string, b: string): number {
  const key = (name: string): string => (name.endsWith('.history') ? name : `${name.slice(8)}${name.slice(0, 8)}`);
  const rank = (name: string): number => (name.endsWith('.history') ? 0 : 1);
  return rank(a) - rank(b) || (key(a) < key(b) ? -1 : 1);
}
