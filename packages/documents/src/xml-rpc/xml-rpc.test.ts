import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { decodeAnswer, encodeCall, encodeValue, type XmlRpcValue } from './index.ts';

const answerOf = (value: string) =>
  `<?xml version="1.0"?><methodResponse><params><param>${value}</param></params></methodResponse>`;
const readValue = (value: string) => {
  const answer = decodeAnswer(answerOf(value));
  return answer.kind === 'value' ? answer.value : answer;
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: what XML can't hold
const writable = (text: string) => text.isWellFormed() && !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text);

const texts = fc.string({ unit: 'binary', maxLength: 30 }).filter(writable);
const values: fc.Arbitrary<XmlRpcValue> = fc.letrec<{ value: XmlRpcValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    texts,
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(texts, fc.constant('__proto__')), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe('XML-RPC', () => {
  it('reads back what it wrote, whatever the value', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(readValue(encodeValue(value))).toEqual(value);
      }),
    );
  });

  it('writes a call as the protocol has it', () => {
    expect(encodeCall('execute_kw', ['db', 7, { a: [1.5, true, null] }])).toBe(
      '<?xml version="1.0"?>\n<methodCall><methodName>execute_kw</methodName><params>' +
        '<param><value><string>db</string></value></param><param><value><int>7</int></value></param>' +
        '<param><value><struct><member><name>a</name><value><array><data><value><double>1.5</double></value>' +
        '<value><boolean>1</boolean></value><value><nil/></value></data></array></value></member></struct></value></param>' +
        '</params></methodCall>',
    );
  });

  test.each([
    ['<value>plain</value>', 'plain'],
    ['<value/>', ''],
    ['<value>\n <i4> 5 </i4>\n</value>', 5],
    ['<value><i8>-9007199254740991</i8></value>', -9007199254740991],
    ['<value><double>1e-05</double></value>', 1e-5],
    ['<value><dateTime.iso8601>20261121T05:00:00</dateTime.iso8601></value>', '20261121T05:00:00'],
    ['<value><base64>aGk=</base64></value>', 'aGk='],
    ['<value><ex:nil/></value>', null],
    ['<value><string><![CDATA[<a>]]>&lt;</string></value>', '<a><'],
    ['<value><array><data/></array></value>', []],
    ['<value><struct/></value>', {}],
  ])('%s is read', (xml, expected) => {
    expect(readValue(xml)).toEqual(expected);
  });

  it('tells a fault from a value', () => {
    const fault = `<methodResponse><fault>${encodeValue({ faultCode: 3, faultString: 'Access Denied' })}</fault></methodResponse>`;
    expect(decodeAnswer(fault)).toEqual({ kind: 'fault', fault: { faultCode: 3, faultString: 'Access Denied' } });
  });

  const nested = (n: number) => `${'<value><array><data>'.repeat(n)}${'</data></array></value>'.repeat(n)}`;
  const laughs = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><methodResponse><params><param><value>&b;</value></param></params></methodResponse>`;
  test.each([
    ['a document type', laughs, /a document type isn't allowed/],
    ['an external entity', `<!DOCTYPE x SYSTEM "file:///etc/passwd">${answerOf('<value>1</value>')}`, /document type/],
    ['an unknown entity', answerOf('<value>&secret;</value>'), /well-formed/],
    ['depth', answerOf(nested(10_000)), /nest deeper than 32/],
    [
      'a great many values',
      answerOf(`<value><array><data>${'<value/>'.repeat(100_001)}</data></array></value>`),
      /more than 100000 values/,
    ],
    ['a great many characters', answerOf(`<value>${'x'.repeat(5_000_000)}</value>`), /characters/],
    ['an end that is missing', '<methodResponse><params>', /well-formed/],
    ['a web page', '<html><body>down</body></html>', /<html> can't stand there/],
    ['nothing', '', /well-formed|holds no value/],
    ['no value', '<methodResponse><params/></methodResponse>', /holds no value/],
    [
      'two values',
      '<methodResponse><params><param><value/></param><param><value/></param></params></methodResponse>',
      /one value/,
    ],
    ['two types', answerOf('<value><int>1</int><int>2</int></value>'), /two types/],
    ['a text beside a type', answerOf('<value>a<int>1</int></value>'), /beside a type/],
    [
      'a member twice',
      answerOf(`<value><struct>${'<member><name>a</name><value/></member>'.repeat(2)}</struct></value>`),
      /member twice/,
    ],
    ['a number of no kind', answerOf('<value><int>0x10</int></value>'), /whole number/],
    ['a number that would be rounded', answerOf('<value><i8>9007199254740993</i8></value>'), /53 bits/],
    ['no finite number', answerOf('<value><double>1e999</double></value>'), /finite/],
    ['a truth value of no kind', answerOf('<value><boolean>true</boolean></value>'), /0 or 1/],
  ])('refuses %s, in words that hold nothing of it', (_, xml, why) => {
    expect(decodeAnswer(xml)).toEqual({ kind: 'malformed', why: expect.stringMatching(why) });
  });

  it('ends with an answer or a refusal for any text, and quickly', () => {
    const parts = fc.constantFrom(
      '<value>',
      '</value>',
      '<struct>',
      '<member>',
      '<name>',
      '</',
      '<array><data>',
      '<int>',
      '1',
      '&amp;',
      '<methodResponse><params><param>',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(parts, fc.string()), { maxLength: 40 }), (pieces) => {
        expect(['value', 'fault', 'malformed']).toContain(decodeAnswer(pieces.join('')).kind);
      }),
    );
  });

  test.each([
    ['a control character', ['a\u0000b']],
    ['half of a pair', ['\ud800']],
    ['no number', [Number.NaN]],
    ['nothing', [undefined]],
    ['a function', [() => 1]],
  ])('writes no %s', (_, params) => {
    expect(() => encodeCall('m', params)).toThrow(/^params\/0 /);
  });
});
