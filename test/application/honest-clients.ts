/**
 * What a client may rely on, as docs and DESIGN promise it, and nothing of how it comes about: seconds, answers, and what a client has
 * presented. A grant here is one login of one client.
 */
export interface Promised {
  readonly accessTtl: number;
  readonly refreshTtl: number;
  /** Zero: strict rotation. */
  readonly grace: number;
  readonly skew: number;
  readonly codeMemory: number;
  /** Whether the upstream gave a refresh token. */
  readonly renewable: boolean;
  /** Whether the upstream takes each of its refresh tokens once. */
  readonly rotating: boolean;
}

/** An answer of /token, whether or not it reached the client. */
export interface Issued {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly generation: number;
  /** Its announced end. */
  readonly ends: number;
}

/** A time that something happened at: not before, and not after. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What the upstream is to one grant: `doubtful` where it may refuse and may not, `dead` where it refuses everything. */
export type UpstreamMood = 'fine' | 'doubtful' | 'dead';

/** What is known of one grant. */
export class GrantModel {
  readonly client: number;
  readonly code: string;
  readonly exchanged: Span;
  /** When each generation was made; the first has the number 0. */
  readonly generations: Span[] = [];
  readonly issued: Issued[] = [];
  /** What reached the client, in its order. */
  readonly held: Issued[] = [];
  /** The highest generation of which a half has surely, and has perhaps, come back. */
  presented = { surely: -1, perhaps: -1 };
  isOver = false;
  mood: UpstreamMood = 'fine';
  /** The upstream's access tokens are refused, and better ones can be had. */
  isDropped = false;
  /** When an upstream token that was just renewed was refused again. */
  marked: number | undefined;
  isMarked = false;

  constructor(client: number, code: string, exchanged: Span) {
    this.client = client;
    this.code = code;
    this.exchanged = exchanged;
  }

  get newest(): number {
    return this.generations.length - 1;
  }

  /** When the access tokens of a generation end, as far as anybody was told. */
  endOf(generation: number): number {
    const ends = this.issued.filter((each) => each.generation === generation);
    return Math.max(...ends.map((each) => each.ends));
  }
}

/** One thing that is done to a grant; several of a batch happen at once, in any order. */
export type Deed =
  | { readonly type: 'refresh' | 'call'; readonly with: Issued }
  | { readonly type: 'revoke' }
  | { readonly type: 'code' }
  | { readonly type: 'stranger' };

/** The circumstances of a batch. */
export interface Circumstances {
  readonly when: Span;
  /** The upstream's token endpoint does not answer as it should. */
  readonly trouble: boolean;
  /** Its first answer is lost on the way. */
  readonly loses: boolean;
  /** The store is away for one write, just after the upstream has given new tokens. */
  readonly fails?: boolean;
  /** All that is done to this grant. */
  readonly deeds: readonly Deed[];
}

/** How a deed may end for whoever did it. `unavailable`: come back later. */
export type End = 'ok' | 'no' | 'unavailable';

/** `either`: it depends on which of the deeds comes first. */
type Standing = 'good' | 'replay' | 'expired' | 'either';

/** How a refresh token stands that is presented while all this happens. */
export function standingOf(
  grant: GrantModel,
  token: Issued,
  { when, deeds }: Circumstances,
  { refreshTtl, grace, skew }: Promised,
): Standing {
  const { generation } = token;
  const made = grant.generations[generation] ?? { from: 0, to: 0 };
  if (when.from >= made.to + refreshTtl + skew) return 'expired';
  if (when.to >= made.from + refreshTtl) return 'either';
  const refreshes = deeds.filter((deed) => deed.type === 'refresh');
  if (grace === 0) {
    if (generation < grant.newest) return 'replay';
    return refreshes.length > 1 ? 'either' : 'good';
  }
  const back = deeds.map((deed) => ('with' in deed ? deed.with.generation : -1));
  const isSuccessorOut = Math.max(grant.presented.perhaps, ...back) > generation;
  if (!isSuccessorOut || when.to < token.ends + grace) return 'good';
  const isReplay =
    grant.presented.surely > generation && when.from >= grant.endOf(generation) + grace;
  return isReplay ? 'replay' : 'either';
}

/** Whether one of the deeds ends the grant: surely, perhaps, or surely not. */
export function endingOf(
  grant: GrantModel,
  circumstances: Circumstances,
  promised: Promised,
): 'surely' | 'perhaps' | 'no' {
  const each = circumstances.deeds.map((deed) => endingBy(grant, deed, circumstances, promised));
  // It may be the end that was not written.
  if (each.includes('surely')) return circumstances.fails ? 'perhaps' : 'surely';
  return each.includes('perhaps') ? 'perhaps' : 'no';
}

function endingBy(
  grant: GrantModel,
  deed: Deed,
  circumstances: Circumstances,
  promised: Promised,
): 'surely' | 'perhaps' | 'no' {
  switch (deed.type) {
    case 'revoke':
      return isGone(grant, circumstances, promised) ? 'perhaps' : 'surely';
    case 'code':
      return circumstances.when.to < grant.exchanged.from + promised.codeMemory
        ? 'surely'
        : 'perhaps';
    case 'refresh': {
      const standing = standingOf(grant, deed.with, circumstances, promised);
      if (standing === 'replay') return 'surely';
      return standing === 'either' || mayUpstreamRefuse(grant, circumstances, promised)
        ? 'perhaps'
        : 'no';
    }
    case 'call':
      return mayUpstreamRefuse(grant, circumstances, promised) ? 'perhaps' : 'no';
    case 'stranger':
      return 'no';
  }
}

/** Nothing of it is good any more, so that there is nothing to be revoked. */
function isGone(grant: GrantModel, { when }: Circumstances, { refreshTtl }: Promised): boolean {
  const made = grant.generations.at(-1);
  return made === undefined || when.to >= made.from + refreshTtl;
}

function mayUpstreamRefuse(
  { mood }: GrantModel,
  { loses, deeds }: Circumstances,
  { rotating }: Promised,
): boolean {
  return mood !== 'fine' || (loses && rotating && deeds.length > 1);
}

/** How a deed may end. Whose write the store did not take comes back: that costs nobody anything else. */
export function mayEnd(
  grant: GrantModel,
  deed: Deed,
  circumstances: Circumstances,
  promised: Promised,
): readonly End[] {
  const ends = mayEndWritten(grant, deed, circumstances, promised);
  return circumstances.fails ? [...new Set<End>([...ends, 'unavailable'])] : ends;
}

function mayEndWritten(
  grant: GrantModel,
  deed: Deed,
  circumstances: Circumstances,
  promised: Promised,
): readonly End[] {
  switch (deed.type) {
    case 'revoke':
      return ['ok'];
    case 'code':
    case 'stranger':
      return ['no'];
    case 'refresh':
      return refreshMayEnd(grant, deed.with, circumstances, promised);
    case 'call':
      return callMayEnd(grant, deed.with, circumstances, promised);
  }
}

const anything: readonly End[] = ['ok', 'no', 'unavailable'];

function refreshMayEnd(
  grant: GrantModel,
  token: Issued,
  circumstances: Circumstances,
  promised: Promised,
): readonly End[] {
  const standing = standingOf(grant, token, circumstances, promised);
  if (grant.isOver || standing === 'expired' || standing === 'replay') return ['no'];
  if (standing === 'either' || endingOf(grant, circumstances, promised) !== 'no') return anything;
  if (!promised.renewable) return ['ok'];
  const { trouble, loses } = circumstances;
  if (trouble) return token.generation === grant.newest ? ['unavailable'] : ['ok', 'unavailable'];
  return loses ? ['ok', 'unavailable'] : ['ok'];
}

function callMayEnd(
  grant: GrantModel,
  token: Issued,
  circumstances: Circumstances,
  promised: Promised,
): readonly End[] {
  const { when, trouble, loses } = circumstances;
  const { accessTtl, skew, renewable, grace } = promised;
  const made = grant.generations[token.generation] ?? { from: 0, to: 0 };
  const isOld = grace === 0 && token.generation < grant.newest;
  if (grant.isOver || isOld || when.from >= made.to + accessTtl + skew) return ['no'];
  if (!isSurelyGood(grant, token, circumstances, promised)) return anything;
  if (!renewable) return ['ok'];
  const needsUpstream = grant.isDropped || when.to >= token.ends;
  return needsUpstream && (trouble || loses) ? ['ok', 'unavailable'] : ['ok'];
}

/** Whether nothing that happens meanwhile can take an access token away. */
function isSurelyGood(
  grant: GrantModel,
  token: Issued,
  circumstances: Circumstances,
  promised: Promised,
): boolean {
  const { when, deeds } = circumstances;
  const { skew, renewable, grace } = promised;
  const isRotatedAway = grace === 0 && deeds.some(({ type }) => type === 'refresh');
  const isPerhapsSpent = when.to >= token.ends + (renewable ? skew : 0);
  if (isRotatedAway || isPerhapsSpent || grant.isMarked) return false;
  return endingOf(grant, circumstances, promised) === 'no';
}
