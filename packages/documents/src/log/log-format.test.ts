import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry, leafOf } from './entry.ts';
import { Frontier, type NodeId } from './merkle.ts';
import { noteSigner, parseVerifierKey } from './note-key.ts';
import { consistencyProof, inclusionProof } from './proofs.ts';
import { cosignTreeHead, openTreeHead, signTreeHead } from './tree-head.ts';

const page = readFileSync(new URL('../../../../docs/log-format.md', import.meta.url), 'utf8');
const entries = page.split('\n').filter((line) => line.startsWith('{"at"'));
const digests = page.match(/\b[0-9a-f]{64}\b/g) ?? [];
const note = /headgate\.example\/log\n3\n[^`]*/.exec(page)![0];
const keys = page.match(/^headgate\.example\/\w+\+[0-9a-f]{8}\+\S+$/gm) ?? [];

/** A key whose Ed25519 seed is one byte 32 times, in PKCS#8 (RFC 8410). */
function pemOf(byte: number): string {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

describe('the format that docs/log-format.md fixes', () => {
  const frontier = Frontier.empty();
  const nodes = new Map<string, Buffer>();
  const store = { nodes: async (ids: readonly NodeId[]) => ids.map((id) => nodes.get(`${id.level}/${id.index}`)!) };
  const leaves = entries.map((text) => leafOf(Buffer.from(text)));

  it('has the entries’ bytes, leaves and roots of the page', () => {
    expect(entries).toHaveLength(3);
    const roots = [frontier.root().toString('hex')];
    for (const [i, text] of entries.entries()) {
      const decoded = decodeEntry(Buffer.from(text));
      if (!decoded.ok) throw new Error(decoded.why);
      const encoded = encodeEntry(decoded.entry);
      expect(encoded).toMatchObject({ ok: true, bytes: Buffer.from(text), leaf: leaves[i]! });
      for (const node of frontier.append(leaves[i]!)) nodes.set(`${node.level}/${node.index}`, node.hash);
      roots.push(frontier.root().toString('hex'));
    }
    expect(digests).toEqual([...leaves.map((leaf) => leaf.toString('hex')), ...roots]);
  });

  it('has the proofs of the page', async () => {
    expect(await inclusionProof(store, 1, 3)).toEqual([leaves[0], leaves[2]]);
    expect(await consistencyProof(store, 2, 3)).toEqual([leaves[2]]);
  });

  it('has the keys and the signed head of the page', () => {
    const log = noteSigner('headgate.example/log', 'tree-head', pemOf(1));
    const witness = noteSigner('headgate.example/agent', 'witness', pemOf(2));
    expect(keys).toEqual([log.verifierKey, witness.verifierKey]);
    const head = { origin: 'headgate.example/log', size: 3, root: frontier.root() };
    const at = Date.UTC(2026, 0, 1, 0, 1, 2);
    expect(cosignTreeHead(signTreeHead(head, log), witness, at)).toBe(note);
    const [logKey, witnessKey] = keys.map((line) => parseVerifierKey(line));
    if (!logKey?.ok || !witnessKey?.ok) throw new Error('the keys of the page are malformed');
    const trust = { origin: head.origin, logKeys: [logKey.key], witnesses: [witnessKey.key], minWitnesses: 1 };
    expect(openTreeHead(note, trust)).toEqual({
      ok: true,
      head,
      cosignatures: [{ name: witness.name, keyId: witness.keyId, at }],
    });
  });
});
