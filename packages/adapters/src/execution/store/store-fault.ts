/**
 * What is wrong with one store, and with none of its neighbours: its owner's doing, for people, in words that are all ours.
 * Nothing of what its database said stands in them.
 */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
}
