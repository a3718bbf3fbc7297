/** From a delivery to words. Values are escaped for where they will stand; templates can't ask for anything else. */

import type { Delivery, Item } from '@headgate/domain';
import mustache from 'mustache';
import { shippedTemplate, type Template } from './templates.ts';
import { inOneLine } from './unseen.ts';

/** Where words will stand: plain text, HTML, or a chat whose markup wraps links and mentions in angle brackets. */
export type Dress = 'plain' | 'html' | 'chat';

export interface Rendered {
  readonly subject: string;
  readonly text: string;
}

/** What a declared Notification says instead, by happening or `digest`. */
export type Overrides = Readonly<Partial<Record<string, Template>>>;

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A value, fit to stand in a dress: in one line, and nothing in it that ends or turns it, or can't be seen. */
export function escaped(value: string, dress: Dress): string {
  const line = inOneLine(value);
  if (dress === 'plain') return line;
  if (dress === 'html') return line.replace(/[&<>"']/g, (c) => HTML[c] as string);
  // Chats read &, < and > as entities, and *, _, ~, ` as markup: a zero-width space behind them takes that away.
  return line.replace(/[&<>]/g, (c) => HTML[c] as string).replace(/[*_~`|[\]@]/g, (c) => `${c}\u200b`);
}

/** The words of a delivery. Throws when a template is unsound; documents are checked by {@link templateTrouble} before. */
export function renderDelivery(delivery: Delivery, overrides: Overrides, dress: Dress): Rendered {
  const { subject, text } = overrides[delivery.about] ?? shippedTemplate(delivery.audience, delivery.about);
  const view = viewOf(delivery);
  const render = (template: string, as: Dress) =>
    mustache.render(template, view, undefined, { escape: (value) => escaped(String(value), as) });
  // A subject is a header of a mail: plain, and one line.
  return { subject: escaped(render(subject, 'plain'), 'plain').slice(0, 200), text: render(text, dress) };
}

function viewOf(delivery: Delivery): Record<string, unknown> {
  const { items, count, rule, channel, about, audience } = delivery;
  const [first, ...others] = items;
  const unnamed = count - items.length;
  const values = first === undefined ? {} : itemView(first);
  return bare({
    ...{ rule, channel, about, audience, count, unnamed: unnamed > 0 ? unnamed : false },
    ...values,
    others: others.map(itemView),
    all: items.map((item) => bare({ ...itemView(item), line: lineOf(item) })),
  });
}

/** Everything that a template may name is there: what is missing must not be looked up in what stands around it. */
function itemView(item: Item): Record<string, unknown> {
  return bare({
    happening: item.happening,
    at: new Date(item.at).toISOString(),
    application: item.application,
    environment: item.environment,
    version: item.version,
    promotion: item.promotion ?? '',
    words: item.words ?? '',
    cell: item.cell ?? '',
    wave: item.wave ?? '',
    result: item.result ?? '',
    promoted: item.result === 'promoted',
    tenants: item.tenants?.join(', ') ?? '',
  });
}

/** Without a prototype: templates look names up in it, and would call what they find. */
function bare(values: Record<string, unknown>): Record<string, unknown> {
  return Object.assign(Object.create(null) as object, values) as Record<string, unknown>;
}

function lineOf({ happening, application, version, environment, tenants, words, at }: Item): string {
  const what = version === '' ? '' : `${application} ${version} `;
  const whom =
    tenants === undefined ? (version === '' ? environment : `in ${environment}`) : `for ${tenants.join(', ')}`;
  const day = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  return `${day} UTC: ${what}${happening}${version === '' ? ':' : ''} ${whom}${words ? `: ${words}` : ''}`;
}

const MOST_TAGS = 200;

/** What templates may name: the first happening's values, and the lists of them. A name that isn't there would say nothing. */
export const TEMPLATE_NAMES: readonly string[] = [
  ...['application', 'version', 'environment', 'promotion', 'happening', 'words', 'cell', 'wave', 'result', 'promoted'],
  ...['tenants', 'at', 'count', 'unnamed', 'others', 'all', 'line', 'rule', 'channel', 'about', 'audience', '.'],
];

/** Why a template can't be used, or undefined: it must parse, escape all that it shows, and include nothing. */
export function templateTrouble(template: string): string | undefined {
  let tokens: unknown[];
  try {
    tokens = mustache.parse(template) as unknown[];
  } catch (error) {
    return `a mustache template (${(error as Error).message.slice(0, 100)})`;
  }
  let tags = 0;
  const visit = (list: unknown[]): string | undefined => {
    for (const token of list as [kind: string, value: string, from: number, to: number, inner?: unknown[]][]) {
      const [kind, value] = token;
      tags += 1;
      if (tags > MOST_TAGS) return `at most ${MOST_TAGS} pieces`;
      if (kind === '&' || kind === '{') return `double braces for ${value}: values are always escaped`;
      if (kind === '>' || kind === '=') return 'a template without partials and other delimiters';
      if (kind !== 'text' && kind !== '!' && !TEMPLATE_NAMES.includes(value))
        return `no {{${value.slice(0, 40)}}}, but one of ${TEMPLATE_NAMES.join(', ')}`;
      const inner = Array.isArray(token[4]) ? visit(token[4]) : undefined;
      if (inner !== undefined) return inner;
    }
    return undefined;
  };
  if (/\{\{\s*=/.test(template)) return 'a template without partials and other delimiters';
  return visit(tokens);
}
