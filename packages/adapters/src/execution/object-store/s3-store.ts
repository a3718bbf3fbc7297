import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ObjectFacts, ObjectStore, Protection, Protections } from '@headgate/execution';
import { inSlices } from './in-slices.ts';
import { plainKey, plainPrefix } from './object-key.ts';
import type { S3Config } from './object-store-config.ts';
import { answered, troubleOf } from './s3-trouble.ts';

/** What is held of an object at once while it is sent. Above S3's least part of 5 MiB. Bytes. */
const SLICE = 16 * 1024 * 1024;
const CONNECT_MS = 5_000;
/** The store says nothing for so long. Milliseconds. */
const SILENCE_MS = 60_000;

/** A bucket behind the S3 API. Objects above a slice go as a multipart upload, which appears when it is complete. */
export class S3Store implements ObjectStore {
  readonly name: string;
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly perPage: number | undefined;

  /** `perPage`: how many unfinished uploads are told of at once; absent: as many as the store tells. */
  constructor(
    config: S3Config,
    credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
    perPage?: number,
  ) {
    this.bucket = config.bucket;
    this.perPage = perPage;
    this.name = `bucket ${config.bucket} at ${new URL(config.endpoint).host}`;
    const ca = config.authorityFile === undefined ? {} : { ca: readFileSync(config.authorityFile) };
    this.client = new S3Client({
      endpoint: config.endpoint,
      region: config.region,
      forcePathStyle: config.pathStyle,
      credentials,
      maxAttempts: 3,
      // Several stores refuse the checksums that are sent without being asked for; ours are in the signed manifest.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        httpsAgent: new Agent({ keepAlive: true, maxSockets: 16, ...ca }),
      },
    });
  }

  async put(key: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
    const at = { Bucket: this.bucket, Key: plainKey(key) };
    let size = 0;
    let upload: string | undefined;
    const parts: { ETag: string | undefined; PartNumber: number }[] = [];
    try {
      for await (const { bytes, last } of inSlices(content, SLICE)) {
        signal.throwIfAborted();
        size += bytes.length;
        if (last && upload === undefined) {
          const command = new PutObjectCommand({ ...at, Body: bytes, ContentLength: bytes.length });
          await this.asked(() => this.client.send(command, { abortSignal: signal }));
          return size;
        }
        upload ??= await this.begin(at, signal);
        const PartNumber = parts.length + 1;
        const command = new UploadPartCommand({ ...at, UploadId: upload, PartNumber, Body: bytes });
        const { ETag } = await this.asked(() => this.client.send(command, { abortSignal: signal }));
        parts.push({ ETag, PartNumber });
      }
      const command = new CompleteMultipartUploadCommand({
        ...at,
        UploadId: upload,
        MultipartUpload: { Parts: parts },
      });
      await this.asked(() => this.client.send(command, { abortSignal: signal }));
      return size;
    } catch (error) {
      // Best effort: what is left when the store is away is swept later.
      if (upload !== undefined) await this.abort(at.Key, upload).catch(() => {});
      throw error;
    }
  }

  async get(key: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const command = new GetObjectCommand({ Bucket: this.bucket, Key: plainKey(key) });
    const found = await this.asked(() =>
      this.client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        if (answered(error) === 404 && (error as Error).name !== 'NoSuchBucket') return undefined;
        throw error;
      }),
    );
    return found === undefined ? undefined : this.bytesOf(found.Body as AsyncIterable<Uint8Array>, signal);
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<ObjectFacts> {
    const Prefix = plainPrefix(prefix);
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket: this.bucket, Prefix, ContinuationToken });
      const page = await this.asked(() => this.client.send(command, { abortSignal: signal }));
      for (const { Key, Size, LastModified } of page.Contents ?? [])
        if (Key !== undefined) yield { key: Key, size: Size ?? 0, changedAt: LastModified?.getTime() ?? 0 };
      ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    const command = new DeleteObjectCommand({ Bucket: this.bucket, Key: plainKey(key) });
    await this.asked(() =>
      this.client.send(command, { abortSignal: signal }).catch((error: unknown) => {
        if (answered(error) !== 404 || (error as Error).name === 'NoSuchBucket') throw error;
      }),
    );
  }

  async sweep(prefix: string, before: number, signal: AbortSignal): Promise<number> {
    const at = { Bucket: this.bucket, Prefix: plainPrefix(prefix), MaxUploads: this.perPage };
    let swept = 0;
    // Page by page to the end: behind uploads that began since there may be old ones, since they come in the order of keys.
    for (let from: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {}; from; ) {
      const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({ ...at, ...from });
      const page = await this.asked(() => this.client.send(command, { abortSignal: signal }));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || (Initiated?.getTime() ?? 0) >= before) continue;
        await this.asked(() => this.abort(Key, UploadId));
        swept += 1;
      }
      const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      // A store that names no place to go on from, or the same once more, has no more to tell.
      const goesOn = IsTruncated === true && KeyMarker !== undefined;
      const same: boolean = KeyMarker === from.KeyMarker && UploadIdMarker === from.UploadIdMarker;
      from = goesOn && !same ? { KeyMarker, ...(UploadIdMarker !== undefined && { UploadIdMarker }) } : undefined;
    }
    return swept;
  }

  async protections(signal: AbortSignal): Promise<Protections> {
    const Bucket = this.bucket;
    const versioning = await this.protection(async () => {
      const command = new GetBucketVersioningCommand({ Bucket });
      const { Status } = await this.client.send(command, { abortSignal: signal });
      return Status === 'Enabled'
        ? { state: 'on', detail: 'the bucket keeps versions' }
        : { state: 'off', detail: `the bucket's versioning is ${Status ?? 'not set'}` };
    });
    const replication = await this.protection(async () => {
      const command = new GetBucketReplicationCommand({ Bucket });
      const answer = await this.client.send(command, { abortSignal: signal });
      const on = (answer.ReplicationConfiguration?.Rules ?? []).filter((rule) => rule.Status === 'Enabled');
      const to = on.map((rule) => rule.Destination?.Bucket ?? 'somewhere').join(', ');
      return on.length > 0
        ? { state: 'on', detail: `the bucket is replicated to ${to}` }
        : { state: 'off', detail: 'the bucket has no rule of replication that is enabled' };
    });
    return { versioning, replication };
  }

  private async protection(ask: () => Promise<Protection>): Promise<Protection> {
    try {
      return await ask();
    } catch (error) {
      if ((error as Error).name === 'ReplicationConfigurationNotFoundError')
        return { state: 'off', detail: 'the bucket has no replication' };
      const trouble = troubleOf(error, this.name);
      if (answered(error) === undefined) throw trouble;
      return { state: 'unknown', detail: trouble.message };
    }
  }

  private async begin(at: { readonly Bucket: string; readonly Key: string }, signal: AbortSignal): Promise<string> {
    const { UploadId } = await this.asked(() =>
      this.client.send(new CreateMultipartUploadCommand(at), { abortSignal: signal }),
    );
    if (UploadId === undefined) throw new Error(`${this.name} began an upload without an id`);
    return UploadId;
  }

  private async abort(Key: string, UploadId: string): Promise<void> {
    await this.client.send(new AbortMultipartUploadCommand({ Bucket: this.bucket, Key, UploadId }), {
      abortSignal: AbortSignal.timeout(CONNECT_MS),
    });
  }

  private async *bytesOf(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of body) {
        signal.throwIfAborted();
        yield chunk;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw troubleOf(error, this.name);
    }
  }

  private async asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw troubleOf(error, this.name);
    }
  }
}
