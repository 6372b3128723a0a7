import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fixedHeader } from './fixed-header.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { quoted } from './web-address.ts';

/** Says what is wrong with the content of a file, after its name; `undefined` where nothing is. */
export type FileJudge = (content: string) => string | undefined;

/** What is wrong with a file that a setting names; `undefined` where nothing is. No content is repeated. */
export function fileFault(path: string, judge: FileJudge, example: string): string | undefined {
  try {
    const fault = judge(readFileSync(path, 'utf8'));
    return fault && `${quoted(path)} ${fault}.`;
  } catch (error) {
    const { code = 'unreadable' } = error as { readonly code?: string };
    const remedy =
      code === 'EACCES'
        ? 'it must be readable by the user that the gateway runs as'
        : `give the path of a file, for example ${example}`;
    return `${quoted(path)} cannot be read (${code}); ${remedy}.`;
  }
}

/** A key that can sign, PEM or JWK. */
export const judgePrivateKey: FileJudge = (content) =>
  holds(() => {
    const jwk = content.trimStart().startsWith('{') ? JSON.parse(content) : undefined;
    createPublicKey(createPrivateKey(jwk === undefined ? content : { key: jwk, format: 'jwk' }));
  })
    ? undefined
    : 'holds no private key; put one there, as PEM or as JWK';

/** At least one certificate. */
export const judgeCertificates: FileJudge = (content) =>
  holds(() => new X509Certificate(content))
    ? undefined
    : 'holds no certificate; put one there, as PEM';

/** One header. */
export const judgeHeader: FileJudge = (content) =>
  fixedHeader(content) === undefined ? 'holds no header; put one there, as Name: value' : undefined;

function holds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

/** What the files hold that a configuration names. */
export interface FileContents {
  readonly header: readonly [string, string] | undefined;
  readonly privateKey: string | undefined;
  readonly privateKeyCert: string | undefined;
  readonly ca: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
}

/** Reads the files that a checked configuration names. */
export function fileContents(config: GatewayConfig): FileContents {
  const read = (path: string | undefined) =>
    path === undefined ? undefined : readFileSync(path, 'utf8');
  const header = config.upstreamHeader ?? read(config.upstreamHeaderFile);
  return {
    header: header === undefined ? undefined : fixedHeader(header),
    privateKey: read(config.upstreamPrivateKeyFile),
    privateKeyCert: read(config.upstreamPrivateKeyCert),
    ca: read(config.upstreamCa),
    clientCert: read(config.upstreamClientCert),
    clientKey: read(config.upstreamClientKey),
  };
}
