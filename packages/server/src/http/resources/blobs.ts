import { notFound, refuse } from '@headgate/control';
import { digestOf } from '@headgate/documents/digest';
import { blobStream } from '../blob-stream.ts';
import type { Context } from '../context.ts';
import type { Handlers } from '../handler.ts';

export function blobHandlers({ deps }: Context): Handlers<'getBlob' | 'putBlob'> {
  return {
    async getBlob({ input, again }) {
      const admitted = async () => (await again()).ok;
      const octets = await blobStream(deps.blobs, input.digest, { admitted });
      return octets === undefined ? notFound('fetch a blob', `blob/${input.digest}`) : { ok: true, value: octets };
    },
    async putBlob({ input, body }) {
      const digest = digestOf(body);
      if (digest !== input.digest)
        return refuse(
          'digest-differs',
          'store a blob',
          `blob/${input.digest}`,
          `the ${body.length} bytes that arrived have the digest ${digest}`,
          'send the bytes again, under their own digest',
        );
      await deps.blobs.put(body);
      return { ok: true, value: { digest, bytes: body.length } };
    },
  };
}
