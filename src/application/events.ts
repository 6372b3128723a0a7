import type { Flow, FlowId, FlowRefusal } from '../domain/authorization-flow.ts';
import type { ClientId } from '../domain/client-registration.ts';
import type { EndReason, Grant, Subject } from '../domain/grant.ts';
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
      /** As the request names it, known or not. */
      readonly client: string | undefined;
      readonly reason: string;
      /** The redirect URI that was refused, and those that would not have been; only where it is that. */
      readonly redirectUri: string | undefined;
      readonly registered: string | undefined;
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
  /** `account`: the first characters of a mark of the name that was tried, made with the gateway's key: people type passwords into the wrong field. */
  | ({
      readonly type: 'sign_in_refused';
      readonly account: string;
      readonly reason: 'wrong_password' | 'too_many_attempts';
    } & FlowFacts)
  | ({ readonly type: 'signed_in'; readonly subject: Subject } & FlowFacts)
  | {
      readonly type: 'authorization_denied';
      readonly flow: FlowId;
      readonly by: 'user' | 'upstream';
    }
  /** `again`: for what the upstream refused at first, the flow goes there once more. */
  | { readonly type: 'sent_upstream'; readonly flow: FlowId; readonly again: boolean }
  /** The browser is back from the upstream; `error` where it brought one. */
  | ({
      readonly type: 'upstream_returned';
      readonly subject: Subject;
      readonly error: string | undefined;
    } & FlowFacts)
  | {
      readonly type: 'upstream_failed';
      readonly flow: FlowId | undefined;
      readonly grant: GrantId | undefined;
      readonly reason: string;
    }
  /** The upstream's authorization server is known, and nothing stands in the way of a sign-in there. */
  | { readonly type: 'upstream_found'; readonly issuer: string }
  | { readonly type: 'upstream_registered'; readonly issuer: string; readonly client: string }
  | ({
      readonly type: 'code_issued';
      readonly grant: GrantId;
      readonly subject: Subject;
    } & FlowFacts)
  | ({ readonly type: 'code_exchanged' } & GrantFacts)
  /** The first call to /mcp with the tokens of a code or of a refresh: the client got them, and they work. */
  | ({ readonly type: 'tokens_first_used'; readonly generation: number } & GrantFacts)
  | ({ readonly type: 'tokens_refreshed' } & GrantFacts)
  | ({ readonly type: 'superseded_token_answered' } & GrantFacts)
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
  /** Records of the store that cannot be read were left out of a look through all of them. */
  | { readonly type: 'records_unreadable'; readonly kind: string; readonly count: number }
  | ({ readonly type: 'request_answered' } & RequestFacts)
  /** A client reached the gateway by another name than it has: discovery fails where the two are compared. */
  | { readonly type: 'unexpected_host'; readonly host: string; readonly expected: string }
  /** A file that the configuration names was changed, and is used as it is now. */
  | { readonly type: 'file_reloaded'; readonly file: string }
  /** It was changed and cannot be used: what it held before stays in force. */
  | { readonly type: 'file_unusable'; readonly file: string; readonly reason: string }
  | {
      readonly type: 'grant_ended';
      readonly grant: GrantId;
      readonly client: ClientId;
      readonly subject: Subject;
      readonly reason: EndReason;
    };

/** What there is to know of a flow. */
interface FlowFacts {
  readonly flow: FlowId;
  readonly client: ClientId;
  /** What the client calls itself. */
  readonly name: string | undefined;
}

/** What there is to know of a grant. Its id is that of the flow which it came from. */
interface GrantFacts {
  readonly grant: GrantId;
  readonly client: ClientId;
  readonly subject: Subject;
}

/** How a request from outside went. Times are milliseconds. */
export interface RequestFacts {
  /** The id that the answer carries too. */
  readonly request: string;
  readonly method: string;
  /** The row of the table of routes, never the path as it came; `none` where there is no such row. */
  readonly route: string;
  readonly status: number;
  /** What went out, headers included. */
  readonly bytes: number;
  readonly duration: number;
  /** How long the upstream MCP server took to begin its answer. */
  readonly upstreamDuration: number | undefined;
  /** Who asked: the address of the client, as far as it is known. */
  readonly address: string | undefined;
  /** The login that the request belonged to. */
  readonly flow: string | undefined;
  /** What was presented at the token endpoint; only there. */
  readonly grantType: 'authorization_code' | 'refresh_token' | 'other' | undefined;
  /** The code of the error that was answered. */
  readonly error: string | undefined;
  /** The client left before it had all of the answer. */
  readonly aborted: boolean;
}

/** Tells an event which flow it is about. */
export function flowFacts({ id, request }: Flow): FlowFacts {
  return { flow: id, client: request.clientId, name: request.clientName };
}

/** Tells an event which grant it is about. */
export function grantFacts({ id, clientId, subject }: Grant): GrantFacts {
  return { grant: id, client: clientId, subject };
}

/** Tells several ears. */
export function toAll(ears: readonly Events[]): Events {
  return {
    emit: (event) => {
      for (const ear of ears) ear.emit(event);
    },
  };
}

/** Hears what happened. It must neither throw nor wait: no use case depends on it. */
export interface Events {
  emit(event: GatewayEvent): void;
}
