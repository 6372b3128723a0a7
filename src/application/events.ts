import type { FlowId, FlowRefusal } from '../domain/authorization-flow.ts';
import type { ClientId } from '../domain/client-registration.ts';
import type { EndReason, Subject } from '../domain/grant.ts';
import type { OAuthErrorCode } from '../domain/oauth-error.ts';
import type { GrantId } from '../domain/token-pair.ts';

/**
 * What happened, as one typed union: adapters turn it into logs, metrics and the audit trail, so that no use case knows any of them. No
 * member is a secret; `flow` and `grant` are public names that tie the lines of one login together.
 */
export type GatewayEvent =
  | {
      readonly type: 'client_registered';
      readonly client: ClientId;
      readonly name: string | undefined;
    }
  | {
      readonly type: 'registration_refused';
      readonly error: OAuthErrorCode;
      readonly reason: string;
    }
  | {
      readonly type: 'client_document_failed';
      readonly client: string;
      readonly reason: string;
    }
  | {
      readonly type: 'client_refused';
      readonly client: string | undefined;
      readonly reason: string;
    }
  | {
      readonly type: 'authorization_refused';
      readonly client: string | undefined;
      readonly reason: string;
    }
  | {
      readonly type: 'authorization_started';
      readonly flow: FlowId;
      readonly client: ClientId;
      readonly name: string | undefined;
      readonly redirectUri: string;
    }
  | {
      readonly type: 'step_refused';
      readonly flow: FlowId | undefined;
      readonly reason: FlowRefusal | 'unknown' | 'forged';
    }
  | { readonly type: 'sign_in_refused'; readonly flow: FlowId }
  | { readonly type: 'signed_in'; readonly flow: FlowId; readonly subject: Subject }
  | {
      readonly type: 'authorization_denied';
      readonly flow: FlowId;
      readonly by: 'user' | 'upstream';
    }
  /** `again`: for what the upstream refused at first, the flow goes there once more. */
  | { readonly type: 'sent_upstream'; readonly flow: FlowId; readonly again: boolean }
  | {
      readonly type: 'upstream_failed';
      readonly flow: FlowId | undefined;
      readonly grant: GrantId | undefined;
      readonly reason: string;
    }
  /** The upstream's authorization server is known, and nothing stands in the way of a sign-in there. */
  | { readonly type: 'upstream_found'; readonly issuer: string }
  | { readonly type: 'upstream_registered'; readonly issuer: string; readonly client: string }
  | {
      readonly type: 'code_issued';
      readonly flow: FlowId;
      readonly grant: GrantId;
      readonly subject: Subject;
    }
  | { readonly type: 'code_exchanged'; readonly grant: GrantId; readonly client: ClientId }
  | { readonly type: 'tokens_refreshed'; readonly grant: GrantId; readonly client: ClientId }
  | {
      readonly type: 'superseded_token_answered';
      readonly grant: GrantId;
      readonly client: ClientId;
    }
  | {
      readonly type: 'token_refused';
      readonly grant: GrantId | undefined;
      readonly client: ClientId;
      readonly error: OAuthErrorCode;
    }
  | { readonly type: 'upstream_tokens_renewed'; readonly grant: GrantId }
  | { readonly type: 'upstream_revoked'; readonly grant: GrantId }
  | { readonly type: 'upstream_token_refused'; readonly grant: GrantId }
  | { readonly type: 'internal_error'; readonly reason: string }
  | {
      readonly type: 'grant_ended';
      readonly grant: GrantId;
      readonly client: ClientId;
      readonly subject: Subject;
      readonly reason: EndReason;
    };

/** Hears what happened. It must neither throw nor wait: no use case depends on it. */
export interface Events {
  emit(event: GatewayEvent): void;
}
