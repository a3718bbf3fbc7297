import { visible, withShortDigests } from '../words/visible.ts';

/** A text that the server or somebody behind it said: as text, each direction kept to itself, nothing unseen. */
export function Said({ children }: { readonly children: string }) {
  return <bdi className="said">{visible(withShortDigests(children))}</bdi>;
}
