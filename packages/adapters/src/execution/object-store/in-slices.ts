/** A piece of a stream; `last`: nothing comes after it. */
export interface Slice {
  readonly bytes: Buffer;
  readonly last: boolean;
}

/** Cuts a stream into slices of exactly that size and a last one of what is left, which may be empty. Holds one at a time. */
export async function* inSlices(content: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Slice> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const chunk of content) {
    let rest = chunk;
    while (length + rest.length > size) {
      const taken = rest.subarray(0, size - length);
      yield { bytes: Buffer.concat([...held, taken], size), last: false };
      rest = rest.subarray(taken.length);
      held = [];
      length = 0;
    }
    // A copy: whoever made it may fill the same memory again.
    held.push(Buffer.from(rest));
    length += rest.length;
  }
  yield { bytes: Buffer.concat(held, length), last: true };
}
