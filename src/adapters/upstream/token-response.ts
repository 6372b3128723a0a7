import { z } from 'zod';
import { failure, type Result, success } from '../../domain/result.ts';
import { measuredScopes, scopeTokens } from '../../domain/scope.ts';
import { upstreamToken } from '../../domain/token-pair.ts';
import {
  excerpt,
  refusal,
  type UpstreamFailure,
  type UpstreamTokenAnswer,
} from '../../domain/upstream-tokens.ts';
import type { Answer } from './http-call.ts';
import { wordsOf } from './words-of.ts';

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

/**
 * Judges an answer of a token endpoint (RFC 6749 §5): JSON or form-encoded, an error with status 200 included (GitHub does both). Tokens of
 * other types than these would need more than a header, and are refused.
 */
export function judgeTokenResponse(
  answer: Answer,
  tokenTypes: readonly string[],
): Result<UpstreamTokenAnswer, UpstreamFailure> {
  const { status, retryAfter } = answer;
  if (status >= 500 || status === 429) {
    return failure({ kind: 'unavailable', reason: `status ${status}`, retryAfter });
  }
  const response = tokenResponse.safeParse(membersOf(answer));
  const unusable = unusableAnswer(answer);
  if (!response.success) return unusable(`answered with status ${status} and no token response`);
  const { error, error_description: description } = response.data;
  if (error !== undefined) return failure(refusal(error, description));
  if (status < 200 || status > 299) return unusable(`answered with status ${status} and no error`);
  const { token_type: type = 'bearer' } = response.data;
  if (!tokenTypes.includes(type.toLowerCase())) {
    return unusable('gave a token that is not a bearer token', `token_type ${excerpt(type)}`);
  }
  return tokensIn(response.data) ?? unusable('gave no token that could be used', '');
}

/** `undefined` where there is none, or one that no header can carry. */
function tokensIn(
  response: TokenResponse,
): Result<UpstreamTokenAnswer, UpstreamFailure> | undefined {
  const { refresh_token: second } = response;
  const access = upstreamToken(response.access_token ?? '');
  const refresh = second === undefined ? undefined : upstreamToken(second);
  if (access === undefined || (second !== undefined && refresh === undefined)) return undefined;
  return success({
    access,
    refresh,
    expiresIn: response.expires_in,
    // GitHub separates scopes by commas.
    scope: measuredScopes(scopeTokens(response.scope?.replaceAll(',', ' ')))?.join(' '),
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
    // Some call a form plain text, or HTML.
    return /^[\w.-]+=/.test(body) ? Object.fromEntries(new URLSearchParams(body)) : undefined;
  }
}

/** The upstream's own words are for the log. */
function unusableAnswer(answer: Answer) {
  const words = wordsOf(answer);
  return (what: string, detail = words): Result<never, UpstreamFailure> => {
    const reason = `The upstream's token endpoint ${what}: look into the gateway's log, and check the endpoint by doctor.`;
    return failure({ kind: 'unusable', reason, detail });
  };
}
