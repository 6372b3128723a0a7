import type { FlowId } from './authorization-flow.ts';
import { deriveKey } from './sealing.ts';
import { sameText } from './secret-hash.ts';

/**
 * What follows from the secret in a flow's cookie. Nothing of it is stored: without the browser that owns the flow
 * nobody, not even a thief of the store, can finish it.
 */
export interface FlowSecrets {
  /** The hidden field of the sign-in form. */
  readonly csrf: string;
  /** Our own PKCE verifier at the upstream: 43 base64url characters (RFC 7636 §4.1). */
  readonly verifier: string;
  /** Our own `state` at the upstream; names the flow, so that two tabs do not disturb each other. */
  readonly state: string;
}

/** Derives a flow's secrets from its cookie's. */
export function flowSecrets(flow: FlowId, cookie: string): FlowSecrets {
  const derived = (purpose: string) =>
    Buffer.from(deriveKey(cookie, flow, purpose)).toString('base64url');
  return {
    csrf: derived('csrf'),
    verifier: derived('verifier'),
    state: `${flow}.${derived('state')}`,
  };
}

const flowIdText = /^[A-Za-z0-9_-]{22}$/;

/** Takes a presented text for a flow's name; `undefined` where it has not the form of one. */
export function flowId(text: string | undefined): FlowId | undefined {
  return text !== undefined && flowIdText.test(text) ? (text as FlowId) : undefined;
}

/** The flow that a `state` from the upstream names; it still has to be proven with {@link isSameSecret}. */
export function flowOfState(state: string | undefined): FlowId | undefined {
  return flowId(state?.split('.', 1)[0]);
}

/** Compares a presented secret with the derived one in constant time. */
export function isSameSecret(presented: string | undefined, expected: string): boolean {
  return presented !== undefined && sameText(presented, expected);
}

/** Names a flow by 16 random bytes. */
export function newFlowId(random: Uint8Array): FlowId {
  return Buffer.from(random).toString('base64url') as FlowId;
}
