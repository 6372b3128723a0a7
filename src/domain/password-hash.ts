/** A scrypt hash of a password (RFC 7914) with what is needed to make it again. */
export interface PasswordHash {
  /** log2 of the cost N. */
  readonly ln: number;
  /** Block size. */
  readonly r: number;
  /** Parallelization. */
  readonly p: number;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** What a new hash costs: 32 MiB and about a quarter of a second (OWASP Password Storage Cheat Sheet, scrypt). */
export const passwordCost = { ln: 15, r: 8, p: 3 } as const;

// The PHC string format: base64 without padding.
const phc =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Reads a hash in PHC form; `undefined` for whatever is none, or would cost more than 256 MiB or a few seconds to check. */
export function readPasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = '', hash = ''] = phc.exec(text) ?? [];
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (!isAffordable(cost)) return undefined;
  return { ...cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/** Spells a hash in PHC form. */
export function spellPasswordHash({ ln, r, p, salt, hash }: PasswordHash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Bytes of memory that making a hash takes. */
export function memoryOf({ ln, r }: Pick<PasswordHash, 'ln' | 'r'>): number {
  return 128 * r * 2 ** ln;
}

function isAffordable(cost: Pick<PasswordHash, 'ln' | 'r' | 'p'>): boolean {
  const { ln, r, p } = cost;
  return ln >= 1 && r >= 1 && p >= 1 && p <= 16 && memoryOf(cost) <= 256 * 1024 * 1024;
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
