/**
 * XML-RPC's calls and answers to and from plain data, so that whoever reads them needs to know nothing of its XML. The
 * protocol of older business systems, Odoo's among them. Tags are read by saxes; what XML-RPC means by them stands here.
 * Python's servers write `nil` only where they are told to: a method that answers `None` is a fault there.
 */
export * from './decode.ts';
export * from './encode.ts';
