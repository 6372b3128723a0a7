import { excerpt } from '../../domain/upstream-tokens.ts';
import type { Answer } from './http-call.ts';

/**
 * What the log may repeat of an answer that cannot be used. Of a success it is a page's title at most: a token or a secret may stand
 * anywhere in the rest (a warning of PHP before the JSON makes a page of it).
 */
export function wordsOf({ status, contentType, text }: Answer): string {
  if (status > 299) return excerpt(text);
  const kind = `${excerpt(contentType)}, ${text.length} characters`;
  const title = /^\s*<[^{]*<title[^>]*>([^<{]*)/i.exec(text.slice(0, 4096))?.[1];
  return title === undefined ? kind : `${kind}, titled ${excerpt(title)}`;
}
