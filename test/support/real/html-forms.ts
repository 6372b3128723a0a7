/** A value that a form would send, as the page came: before anybody typed. */
export interface FormField {
  readonly name: string;
  /** `text`, `password`, `hidden`, `checkbox`, `textarea`, `select`, ... */
  readonly type: string;
  readonly value: string;
  /** False only for a checkbox or radio button that is off: it is not sent. */
  readonly checked: boolean;
}

/** A button that submits; its name and value are sent only when it is the one pressed. */
export interface FormButton {
  readonly name: string;
  readonly value: string;
  readonly label: string;
}

/** A form of a page. */
export interface Form {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  /** Absolute: resolved against the page's URL. */
  readonly action: string;
  readonly fields: readonly FormField[];
  readonly buttons: readonly FormButton[];
}

interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  /** What stands between this tag and its closing one, entities and inner tags as written. */
  readonly inner: string;
}

interface OpenForm extends Omit<Form, 'fields' | 'buttons'> {
  readonly fields: FormField[];
  readonly buttons: FormButton[];
}

const namedEntities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
};

/** Finds the forms of a page. Forgiving, as browsers are: it reads tags, not a grammar. */
export function parseForms(html: string, pageUrl: string): readonly Form[] {
  const tags = readTags(html.replace(/<!--.*?-->|<(script|style)\b.*?<\/\1\s*>/gis, ''));
  const forms = tags
    .filter((tag) => tag.name === 'form' && !tag.closing)
    .map((tag) => openForm(tag, pageUrl));
  let next = 0;
  let current: OpenForm | undefined;
  for (const tag of tags) {
    if (tag.name === 'form') {
      current = tag.closing ? undefined : forms[next++];
    } else if (!tag.closing) {
      const owner = tag.attributes.get('form');
      addControl(tag, owner === undefined ? current : forms.find((form) => form.id === owner));
    }
  }
  return forms;
}

function openForm(tag: Tag, pageUrl: string): OpenForm {
  return {
    id: tag.attributes.get('id') ?? '',
    method: tag.attributes.get('method')?.toUpperCase() === 'POST' ? 'POST' : 'GET',
    action: new URL(tag.attributes.get('action') || pageUrl, pageUrl).href,
    fields: [],
    buttons: [],
  };
}

function addControl(tag: Tag, form: OpenForm | undefined): void {
  if (form === undefined || tag.attributes.has('disabled')) return;
  const type = (tag.attributes.get('type') ?? '').toLowerCase();
  // Neither sends a thing by itself.
  if (type === 'button' || type === 'reset') return;
  const name = tag.attributes.get('name') ?? '';
  if (tag.name === 'button' || (tag.name === 'input' && (type === 'submit' || type === 'image'))) {
    form.buttons.push(readButton(tag, name));
  } else if (name !== '') {
    form.fields.push(...readField(tag, name, type));
  }
}

function readButton(tag: Tag, name: string): FormButton {
  const value = tag.attributes.get('value') ?? '';
  return { name, value, label: tag.name === 'button' ? textOf(tag.inner) : value };
}

function readField(tag: Tag, name: string, type: string): FormField[] {
  const value = initialValue(tag, type);
  if (value === undefined) return [];
  const checked = (type !== 'checkbox' && type !== 'radio') || tag.attributes.has('checked');
  return [{ name, type: tag.name === 'input' ? type || 'text' : tag.name, value, checked }];
}

function initialValue(tag: Tag, type: string): string | undefined {
  if (tag.name === 'textarea') return decodeEntities(tag.inner.replace(/^\r?\n/, ''));
  if (tag.name === 'select') {
    const options = readTags(tag.inner).filter((inner) => inner.name === 'option');
    const chosen = options.find((option) => option.attributes.has('selected')) ?? options[0];
    return chosen?.attributes.get('value') ?? textOf(chosen?.inner ?? '');
  }
  if (tag.name !== 'input') return undefined;
  return tag.attributes.get('value') ?? (type === 'checkbox' || type === 'radio' ? 'on' : '');
}

function readTags(html: string): readonly Tag[] {
  const pattern = /<(\/?)([a-z][\w-]*)((?:"[^"]*"|'[^']*'|[^'">])*)>/gi;
  return [...html.matchAll(pattern)].map((match) => {
    const name = (match[2] ?? '').toLowerCase();
    const rest = html.slice(match.index + match[0].length);
    const end = rest.search(new RegExp(`</${name}\\b`, 'i'));
    return {
      name,
      closing: match[1] === '/',
      attributes: readAttributes(match[3] ?? ''),
      inner: end < 0 ? '' : rest.slice(0, end),
    };
  });
}

function readAttributes(source: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  const pattern = /([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;
  for (const [, name = '', double, single, bare] of source.matchAll(pattern)) {
    const key = name.toLowerCase();
    // The first of two equal attributes counts, as in HTML.
    if (!attributes.has(key)) attributes.set(key, decodeEntities(double ?? single ?? bare ?? ''));
  }
  return attributes;
}

function textOf(html: string): string {
  return decodeEntities(html.replace(/<[^>]*>/g, ''))
    .replace(/\s+/g, ' ')
    .trim();
}

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|([a-z]+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return namedEntities[String(name).toLowerCase()] ?? whole;
    return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(String(hex), 16));
  });
}
