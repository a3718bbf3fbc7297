import type { Courier, Parcel } from '@headgate/control/ports/courier';
import type { Attempted } from '@headgate/domain';
import { type Allowed, TargetRefused } from './guard.ts';
import { type Body, chatBody, cloudEventBody, mailOf, webhookBody } from './messages.ts';
import { post } from './post.ts';
import { SecretMissing, type Secrets } from './secrets.ts';
import { sendMail } from './smtp.ts';
import { SecretUnfit, signedHeaders } from './standard-webhooks.ts';

/** The courier of every kind of channel. */
export class ChannelCourier implements Courier {
  readonly #allowed: Allowed;
  readonly #secrets: Secrets;

  constructor(allowed: Allowed, secrets: Secrets) {
    this.#allowed = allowed;
    this.#secrets = secrets;
  }

  async send(parcel: Parcel, stop: AbortSignal): Promise<Attempted> {
    try {
      return await this.#send(parcel, stop);
    } catch (error) {
      return outcomeOf(error as Error & { code?: string }, parcel.channel.name);
    }
  }

  async #send(parcel: Parcel, stop: AbortSignal): Promise<Attempted> {
    const { channel, delivery, overrides, at } = parcel;
    switch (channel.type) {
      case 'webhook': {
        const body = channel.format === 'cdevents' ? cloudEventBody(delivery) : webhookBody(delivery, overrides);
        const secrets = await Promise.all(channel.secrets.map((each) => this.#secrets.read(each)));
        const signed = signedHeaders(delivery.id, at, body.text, secrets);
        return this.#post(channel.url, new URL(channel.url).host, body, { ...signed }, at, stop);
      }
      case 'chat': {
        const url = await this.#secrets.read(channel.url);
        if (!/^https?:$/.test(protocolOf(url))) return { kind: 'failed', why: 'the secret of the chat is no URL' };
        return this.#post(url, `chat ${channel.name}`, chatBody(delivery, overrides), {}, at, stop);
      }
      case 'smtp': {
        const { user, password, host, port, security, from, to } = channel;
        const login =
          user === undefined || password === undefined
            ? {}
            : { login: { user, pass: await this.#secrets.readFor(password, host, port) } };
        const target = { host, port, security, from, to, ...login };
        return sendMail(target, delivery.id, mailOf(delivery, overrides), this.#allowed);
      }
    }
  }

  #post(url: string, shown: string, body: Body, signed: Record<string, string>, at: number, stop: AbortSignal) {
    const headers = { 'content-type': body.contentType, accept: 'application/json, */*', ...signed };
    return post({ url, headers, body: body.text, shown, at }, this.#allowed, stop);
  }
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}

/** Only codes and our own words: what a library says may hold the address of a chat. */
function outcomeOf(error: Error & { code?: string }, name: string): Attempted {
  if (error instanceof TargetRefused) return { kind: 'refused', why: error.message };
  if (error instanceof SecretMissing || error instanceof SecretUnfit) return { kind: 'failed', why: error.message };
  const why = error.name === 'TimeoutError' ? 'no answer in time' : (error.code ?? error.name);
  return { kind: 'failed', why: `channel ${name}: ${why}` };
}
