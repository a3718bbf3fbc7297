import { type Gate, pass, stop } from './gate.ts';

/** The release's bundle verified against a pinned key that may sign releases. */
export const signature: Gate = {
  name: 'signature',
  asks: 'Is the release signed with a key that the trust file lists for releases?',
  parameters: { type: 'object', additionalProperties: false, properties: {} },
  at: 'promotion',
  judge(_params, facts) {
    const { signature } = facts.release;
    if (signature === undefined) {
      return stop(
        'signature',
        'no-data',
        `no signature of release ${facts.release.digest} is on record`,
        'sign the release with a trusted key: `headgate release create FOLDER --key KEY`',
        'developer',
      );
    }
    if (!signature.verified) {
      return stop(
        'signature',
        'fail',
        `the signature does not verify: ${signature.why}`,
        'create the release again with a key that the trust file lists for releases',
        'developer',
      );
    }
    return pass('signature', `signed with key ${signature.keyId}`);
  },
};
