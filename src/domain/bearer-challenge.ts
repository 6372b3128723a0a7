/** What a `WWW-Authenticate: Bearer` header says (RFC 6750 §3, RFC 9728 §5.1). */
export interface BearerChallenge {
  readonly resourceMetadata: string | undefined;
  readonly scope: string | undefined;
  readonly error: string | undefined;
  readonly errorDescription: string | undefined;
}

/** Spells a challenge; only what is known is written. */
export function spellBearerChallenge(challenge: BearerChallenge): string {
  const parameters = [
    ['error', challenge.error],
    ['error_description', challenge.errorDescription],
    ['scope', challenge.scope],
    ['resource_metadata', challenge.resourceMetadata],
  ] as const;
  const spelled = parameters.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${quotable(value)}"`],
  );
  return spelled.length > 0 ? `Bearer ${spelled.join(', ')}` : 'Bearer';
}

/** Keeps what may stand between quotes without escaping (RFC 6750 §3). */
function quotable(text: string): string {
  return text.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '');
}

/** A parameter of a challenge: a token, and a token or a quoted string (RFC 9110 §11.2); lists may have empty members (§5.6.1.2). */
const parameter =
  /[\s,]*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)/y;
/** The start of a challenge: a scheme, followed by parameters or by the next challenge; before `=` it is a parameter's name. */
const challengeStart = /(?:^|,)\s*bearer(?!\s*=)(?:\s|$|,)/i;

/**
 * Reads the Bearer challenge out of a WWW-Authenticate header, which may hold others before and after it (RFC 9110 §11.6.1);
 * `undefined` where there is none. A parameter that is repeated or broken ends the reading: what came before it counts.
 */
export function readBearerChallenge(header: string): BearerChallenge | undefined {
  const start = challengeStart.exec(withoutQuoted(header));
  if (start === null) return undefined;
  const found = parametersFrom(header, start.index + start[0].length);
  return {
    resourceMetadata: found.get('resource_metadata'),
    scope: found.get('scope'),
    error: found.get('error'),
    errorDescription: found.get('error_description'),
  };
}

function parametersFrom(header: string, start: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  parameter.lastIndex = start;
  for (let each = parameter.exec(header); each !== null; each = parameter.exec(header)) {
    const [, spelled = '', quoted = '', token] = each;
    const name = spelled.toLowerCase();
    if (found.has(name)) break;
    found.set(name, token ?? quoted.replaceAll(/\\(.)/g, '$1'));
  }
  return found;
}

/** The header with everything between quotes blanked, so that a scheme's name inside a string is not taken for one. */
function withoutQuoted(header: string): string {
  // Reads on to the end where the last quote is missing: it never has to start over, so that no header takes long.
  return header.replaceAll(/"(?:[^"\\]|\\.?)*"?/g, (quoted) => '"'.repeat(quoted.length));
}
