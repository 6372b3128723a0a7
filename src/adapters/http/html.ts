/** Markup that is safe to send: made only by `html` and `trustedHtml`, so that a plain string can never pass for it. */
export type Html = Markup;

/** What may stand in a `${}` of `html`: text is escaped, `Html` passes, `undefined` and `false` leave nothing. */
export type HtmlValue = string | number | Html | readonly Html[] | undefined | false;

class Markup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Tagged template for markup: every value is escaped for element content and for quoted attributes (write no unquoted ones). */
export function html(literals: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const rest = values.map((value, index) => `${render(value)}${literals[index + 1] ?? ''}`);
  return new Markup(`${literals[0] ?? ''}${rest.join('')}`);
}

/** Marks a constant of our own as markup, unescaped: for the style sheet and nothing that ever came from outside. */
export function trustedHtml(text: string): Html {
  return new Markup(text);
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.toString();
  // Joined by hand: the comma of Array.prototype.toString would show up between list items.
  if (typeof value === 'object') return value.map((item) => render(item)).join('');
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

const SPACES = /[\s\p{Z}\u2800]+/gu;
// Controls, bidi overrides and isolates, zero-width characters, tags, lone surrogates, private use.
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/gu;
// Letters and selectors that draw nothing: a name made of them would be an empty line.
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
// Piled-up accents would paint over the lines above and below.
const PILED_MARKS = /(\p{M}{3})\p{M}+/gu;

/**
 * Text from a stranger, made fit to be read by a person: one line, nothing that reorders or hides what is around it
 * (U+FFFD shows where such a character was), at most `limit` characters. It still has to be escaped.
 */
export function displayText(text: string, limit = 80): string {
  const line = text
    .replace(SPACES, ' ')
    .replace(DECEPTIVE, '\uFFFD')
    .replace(INVISIBLE, '')
    .replace(PILED_MARKS, '$1')
    .trim();
  const characters = Array.from(line);
  return characters.length <= limit
    ? line
    : `${characters
        .slice(0, limit - 1)
        .join('')
        .trimEnd()}…`;
}
