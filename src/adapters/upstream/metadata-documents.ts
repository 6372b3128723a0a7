import { z } from 'zod';
import type {
  UpstreamRegistrationAnswer,
  UpstreamRegistrationRequest,
} from '../../application/ports.ts';
import { epochSeconds, farFuture } from '../../domain/lifetime.ts';
import { isLoopbackUrl } from '../../domain/outbound-rule.ts';
import { measuredScopes } from '../../domain/scope.ts';
import type { ResourceDocument, ServerDocument } from '../../domain/upstream-discovery.ts';

const httpUrl = z.url({ protocol: /^https?$/ });
/** Clients may show these as links: nothing but the web is passed on, and nothing of any length. */
const page = httpUrl.max(2048).optional().catch(undefined);
const names = z.array(z.string()).optional().catch(undefined);
const scopes = names.transform((listed) => (listed?.length ? measuredScopes(listed) : listed));

/** Protected resource metadata (RFC 9728 §2). */
export const resourceDocument: z.ZodType<ResourceDocument> = z
  .object({
    resource: z.string(),
    authorization_servers: z
      .array(z.string())
      .nullish()
      .transform((listed) => listed ?? []),
    scopes_supported: scopes,
    resource_documentation: page,
    resource_policy_uri: page,
    resource_tos_uri: page,
  })
  .transform((document) => ({
    resource: document.resource,
    authorizationServers: document.authorization_servers,
    scopesSupported: document.scopes_supported,
    documentation: document.resource_documentation,
    policy: document.resource_policy_uri,
    termsOfService: document.resource_tos_uri,
  }));

/** What means to be such metadata by what it names, and cannot be read as it. */
const brokenResourceDocument = z
  .object({ resource: z.unknown() })
  .refine((document) => 'resource' in document)
  .transform(() => 'broken' as const);

/** Protected resource metadata, or that it is broken. */
export const resourceAnswer: z.ZodType<ResourceDocument | 'broken'> =
  resourceDocument.or(brokenResourceDocument);

/** Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery §3). */
export const serverDocument: z.ZodType<ServerDocument> = z
  .object({
    issuer: httpUrl,
    authorization_endpoint: httpUrl,
    token_endpoint: httpUrl,
    registration_endpoint: httpUrl.optional().catch(undefined),
    revocation_endpoint: httpUrl.optional().catch(undefined),
    token_endpoint_auth_methods_supported: names,
    code_challenge_methods_supported: names,
    scopes_supported: scopes,
    authorization_response_iss_parameter_supported: z.boolean().default(false).catch(false),
    client_id_metadata_document_supported: z.boolean().default(false).catch(false),
  })
  .transform((document) => ({
    issuer: document.issuer,
    authorizationEndpoint: document.authorization_endpoint,
    tokenEndpoint: document.token_endpoint,
    registrationEndpoint: document.registration_endpoint,
    revocationEndpoint: document.revocation_endpoint,
    authMethods: document.token_endpoint_auth_methods_supported,
    challengeMethods: document.code_challenge_methods_supported,
    scopesSupported: document.scopes_supported,
    issuerInResponse: document.authorization_response_iss_parameter_supported,
    acceptsDocuments: document.client_id_metadata_document_supported,
  }));

/** A registration answer (RFC 7591 §3.2.1). */
export const registrationAnswer: z.ZodType<UpstreamRegistrationAnswer> = z
  .object({
    client_id: z.string().min(1),
    client_secret: z
      .string()
      .nullish()
      .transform((secret) => secret || undefined),
    token_endpoint_auth_method: z
      .string()
      .nullish()
      .transform((method) => method ?? undefined),
    client_secret_expires_at: z.number().optional().catch(undefined),
  })
  .transform((answer) => ({
    clientId: answer.client_id,
    clientSecret: answer.client_secret,
    method: answer.token_endpoint_auth_method,
    secretExpiresAt: endOf(answer.client_secret_expires_at),
  }));

/** Zero means never (RFC 7591 §3.2.1), and so does a number that no store could count up to. */
function endOf(expiresAt: number | undefined) {
  if (expiresAt === undefined || !(expiresAt > 0)) return undefined;
  return epochSeconds(Math.min(expiresAt, farFuture));
}

/** A refused registration (RFC 7591 §3.2.2). */
export const registrationError: z.ZodType<{ readonly error: string }> = z.object({
  error: z.string(),
});

/**
 * A registration as it is sent (RFC 7591 §2). A gateway on this machine is a native application (OpenID Connect Registration §2): as a web
 * application it could not have a loopback redirect URI.
 */
export function registrationRequest(registration: UpstreamRegistrationRequest): object {
  const { clientName, redirectUri, method, scope, publicKey } = registration;
  return {
    client_name: clientName,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: method,
    application_type: isLoopbackUrl(redirectUri) ? 'native' : 'web',
    scope,
    ...(publicKey && { jwks: { keys: [publicKey] } }),
  };
}
