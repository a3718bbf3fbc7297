import type { VerificationContent } from '@headgate/documents/kinds/verification';
import { decodeAnswer, encodeCall } from '@headgate/documents/xml-rpc/index';
import { discreet, fillJson, type Known, pointed, type StepAnswer } from './evaluate.ts';
import type { HttpAnswer } from './http-call.ts';

type Step = VerificationContent['spec']['workflows'][number]['steps'][number];
export type XmlRpc = NonNullable<Step['request']['xmlRpc']>;

/** The call's body. Only here does the token have a value. Throws, naming the place, where a parameter has none. */
export function xmlRpcBody({ method, params }: XmlRpc, known: Known, token: string | undefined): Buffer {
  const filled = fillJson(params, { ...known, token }) as unknown[];
  return Buffer.from(encodeCall(method, filled));
}

/** What the server answered: its value as the body, or its fault, or why it is neither. */
export function readXmlRpc(answer: HttpAnswer, { nilFault }: XmlRpc): StepAnswer {
  const { status, headers } = answer;
  const read = decodeAnswer(answer.text);
  switch (read.kind) {
    case 'malformed':
      return { status, headers, body: () => undefined, wrong: `status ${status}, and no XML-RPC: ${read.why}` };
    case 'value':
      return { status, headers, body: () => read.value };
    case 'fault': {
      const said = pointed(read.fault, '/faultString');
      if (nilFault !== undefined && typeof said === 'string' && said.trimEnd().endsWith(nilFault))
        return { status, headers, body: () => null };
      return { status, headers, body: () => undefined, fault: read.fault };
    }
  }
}

/**
 * A fault in words that may reach the log: its code, and of its text what is surely no customer's: the kind of exception
 * that a traceback of Python's ends with, and a short word after it (`KeyError 'customer'`).
 */
export function faultWords(fault: unknown): string {
  const code = discreet(pointed(fault, '/faultCode'));
  const text = pointed(fault, '/faultString');
  const last = typeof text === 'string' ? (text.trim().split('\n').at(-1) ?? '').slice(0, 1_000) : '';
  const raised = /^([A-Za-z_][A-Za-z0-9_.]{0,100})(?:: (?:'([^']*)'|(.*)))?$/.exec(last);
  const traced = typeof text === 'string' && text.includes('\n') && raised;
  const said = traced ? [raised[1], discreet(raised[2] ?? raised[3] ?? '')].join(' ') : discreet(text);
  return `the call failed with the fault ${code}: ${said}`;
}
