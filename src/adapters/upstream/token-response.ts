import { z } from 'zod';
import { failure, type Result, success } from '../../domain/result.ts';
import { scopeTokens } from '../../domain/scope.ts';
import { upstreamToken } from '../../domain/token-pair.ts';
import type { UpstreamFailure, UpstreamTokenAnswer } from '../../domain/upstream-tokens.ts';
import type { Answer } from './read-answer.ts';

/** Absent, null and empty mean the same; servers use all three. */
const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined)
  .catch(undefined);

const tokenResponse = z.object({
  access_token: text,
  refresh_token: text,
  token_type: text,
  // GitHub and others spell the number as a string.
  expires_in: z
    .union([z.number(), z.string().transform(Number).pipe(z.number())])
    .optional()
    .catch(undefined),
  scope: text,
  error: text,
  error_description: text,
});

type TokenResponse = z.infer<typeof tokenResponse>;

/** Judges an answer of a token endpoint (RFC 6749 §5): JSON or form-encoded, an error with status 200 included (GitHub does both). */
export function judgeTokenResponse(answer: Answer): Result<UpstreamTokenAnswer, UpstreamFailure> {
  const { status, retryAfter } = answer;
  if (status >= 500 || status === 429) {
    return failure({ kind: 'unavailable', reason: `status ${status}`, retryAfter });
  }
  const response = tokenResponse.safeParse(membersOf(answer));
  if (!response.success) return unusable(`answered with status ${status} and no token response`);
  const { error, error_description: description } = response.data;
  if (error !== undefined) return failure({ kind: 'refused', error, description });
  if (status < 200 || status > 299) return unusable(`answered with status ${status} and no error`);
  return tokensIn(response.data);
}

function tokensIn(response: TokenResponse): Result<UpstreamTokenAnswer, UpstreamFailure> {
  const { token_type: type, refresh_token: second } = response;
  if (type !== undefined && type.toLowerCase() !== 'bearer') {
    return unusable('gave a token that is not a bearer token');
  }
  const access = upstreamToken(response.access_token ?? '');
  const refresh = second === undefined ? undefined : upstreamToken(second);
  if (access === undefined || (second !== undefined && refresh === undefined)) {
    return unusable('gave no token that could be used');
  }
  return success({
    access,
    refresh,
    expiresIn: response.expires_in,
    // GitHub separates scopes by commas.
    scope: scopeTokens(response.scope?.replaceAll(',', ' ')).join(' ') || undefined,
  });
}

/** The members of a JSON object or of a form; `undefined` where it is neither. */
function membersOf({ contentType, text: body }: Answer): unknown {
  if (contentType.toLowerCase().includes('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(body));
  }
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function unusable(what: string): Result<never, UpstreamFailure> {
  return failure({ kind: 'unusable', reason: `The upstream's token endpoint ${what}.` });
}
