import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { keySource } from '../../domain/client-keys.ts';
import type { Client, TokenEndpointAuthMethod } from '../../domain/client-registration.ts';
import { type ClientEntry, configuredClient } from '../../domain/configured-client.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import type { Sha256 } from '../../domain/secret-hash.ts';

/** The clients of a clients file, by their id. */
export type ConfiguredClients = ReadonlyMap<string, Client>;

const method: z.ZodType<TokenEndpointAuthMethod> = z.enum([
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
]);

const hashForm =
  'must be sha256: and the SHA-256 of the secret, as 64 hexadecimal or 43 base64url digits';

const secretHash: z.ZodType<Sha256> = z
  .string()
  .regex(/^sha256:(?:[0-9a-f]{64}|[\w-]{43})$/i, hashForm)
  .transform((text) => base64urlOf(text.slice('sha256:'.length)) as Sha256);

/** A secret itself is an unknown member, and so is a misspelt one: what was meant to count must not be ignored. */
const entry: z.ZodType<ClientEntry> = z
  .strictObject({
    client_id: z.string(),
    client_name: z.string().optional(),
    redirect_uris: z.array(z.string()),
    token_endpoint_auth_method: method.optional(),
    client_secret_hash: secretHash.optional(),
    jwks: z.unknown().optional(),
    jwks_uri: z.string().optional(),
  })
  .transform((client) => ({
    id: client.client_id,
    name: client.client_name,
    redirectUris: client.redirect_uris,
    method: client.token_endpoint_auth_method,
    secretHash: client.client_secret_hash,
    keys: keySource(client.jwks, client.jwks_uri),
  }));

const file = z.strictObject({ clients: z.array(entry) });

/** Reads the clients of a file; or a sentence per fault, none of which quotes a secret. */
export function readClientsFile(path: string): Result<ConfiguredClients, readonly string[]> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return failure([`The file cannot be read (${code}): ${path}.`]);
  }
  return parseClients(text);
}

/** Parses the text of a clients file. */
export function parseClients(text: string): Result<ConfiguredClients, readonly string[]> {
  const json = parsedJson(text);
  if (json === undefined) return failure(['The file is not JSON.']);
  const parsed = file.safeParse(json);
  if (!parsed.success) return failure(parsed.error.issues.map(sentence));
  const clients = new Map<string, Client>();
  const faults: string[] = [];
  for (const each of parsed.data.clients) {
    const client = configuredClient(each);
    if (!client.ok) faults.push(`Client ${JSON.stringify(each.id)}: ${client.failure}`);
    else if (clients.has(each.id)) faults.push(`Client ${JSON.stringify(each.id)} is there twice.`);
    else clients.set(each.id, client.value);
  }
  return faults.length > 0 ? failure(faults) : success(clients);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys' && issue.keys.includes('client_secret')) {
    return `${place(issue)}: a secret does not belong into this file; give client_secret_hash.`;
  }
  return `${place(issue)}: ${issue.message}.`;
}

/** `clients[2].redirect_uris` */
function place({ path }: z.core.$ZodIssue): string {
  const spelled = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return spelled.join('').slice(1) || 'The file';
}

function base64urlOf(digits: string): string {
  return digits.length === 64 ? Buffer.from(digits, 'hex').toString('base64url') : digits;
}
