/** Order of the group of P-256 (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/**
 * An ECDSA signature (r, s) by P-256 has a twin, (r, order - s), that verifies as well, and whoever has the one makes the other
 * without a key. Base64 of DER to the same; empty for what is no such signature (Ed25519 has no twins).
 */
export function twinOf(sig: string): readonly string[] {
  const der = Buffer.from(sig, 'base64');
  const r = integerAt(der, 2);
  const s = r && integerAt(der, r.end);
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || r === undefined || s?.end !== der.length) return [];
  if (s.value <= 0n || s.value >= ORDER) return [];
  const body = Buffer.concat([der.subarray(2, r.end), integer(ORDER - s.value)]);
  return [Buffer.concat([Buffer.from([0x30, body.length]), body]).toString('base64')];
}

/** Of at most 33 bytes, so lengths are one byte. */
function integerAt(der: Buffer, at: number): { readonly value: bigint; readonly end: number } | undefined {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== 0x02 || length < 1 || length > 33 || end > der.length) return undefined;
  return { value: BigInt(`0x${der.toString('hex', at + 2, end)}`), end };
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const padded = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
}
