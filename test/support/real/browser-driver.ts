import { type Dispatcher, request } from 'undici';
import { CookieJar, isSameSite } from './cookie-jar.ts';
import { type Form, type FormButton, parseForms } from './html-forms.ts';

/** What the browser shows after a navigation, or what it would have handed to the client. */
export interface Page {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  readonly forms: readonly Form[];
  /** The query the client's redirect URI was called with; undefined as long as the browser shows a page. */
  readonly callback: URLSearchParams | undefined;
}

/** Which button to press: by what it sends, or by what stands on it. */
export type Press = string | { readonly name: string; readonly value: string };

interface Navigation {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly body: string | undefined;
  /** The page whose form was sent; undefined for an address typed in, or opened by the client. */
  readonly from: Page | undefined;
  readonly crossSite: boolean;
}

const redirectLimit = 20;

/**
 * A browser without a screen: cookies, redirects and forms over real sockets, one cookie jar each. It stops where a
 * redirect leads to the client's redirect URI (or to any scheme but http): nobody needs to listen there.
 */
export class Browser {
  readonly cookies = new CookieJar();
  /** Every URL asked for, in order, redirects included. */
  readonly visited: string[] = [];
  readonly #redirectUri: URL;
  readonly #pageOf = new WeakMap<Form, Page>();

  constructor(redirectUri: string | URL) {
    this.#redirectUri = new URL(redirectUri);
  }

  /** Opens an address, as the client does that starts a login in the user's browser. */
  visit(url: string | URL): Promise<Page> {
    return this.#navigate({
      url: new URL(url),
      method: 'GET',
      body: undefined,
      from: undefined,
      crossSite: false,
    });
  }

  /**
   * Sends a form that a page of this browser showed, with these values in place of its own. A name the form does not
   * have is a mistake in the test and throws. Without `button` the first one counts as pressed, as with the enter key.
   */
  submit(form: Form, values: Readonly<Record<string, string>> = {}, button?: Press): Promise<Page> {
    const from = this.#pageOf.get(form);
    if (from === undefined) throw new Error('The form is not from a page of this browser.');
    const data = formData(form, values, pressed(form, button));
    const url = new URL(form.action);
    if (form.method === 'GET') url.search = data.toString();
    const body = form.method === 'POST' ? data.toString() : undefined;
    const crossSite = !isSameSite(new URL(from.url), url);
    return this.#navigate({ url, method: form.method, body, from, crossSite });
  }

  async #navigate(start: Navigation): Promise<Page> {
    let at = start;
    for (let redirects = 0; redirects <= redirectLimit; redirects += 1) {
      const answer = await this.#fetch(at);
      const location = answer.headers.get('location');
      if (location === null || answer.status < 300 || answer.status > 399) {
        return this.#show(at.url, answer);
      }
      const target = new URL(location, at.url);
      if (this.#isForClient(target)) {
        return { ...answer, url: target.href, forms: [], callback: target.searchParams };
      }
      at = redirected(at, target, answer.status);
    }
    throw new Error(`More than ${redirectLimit} redirects, the last to ${at.url.href}`);
  }

  async #fetch(at: Navigation): Promise<Pick<Page, 'status' | 'headers' | 'body'>> {
    this.visited.push(at.url.href);
    const cookie = this.cookies.header(at.url, at);
    const answer = await request(at.url, {
      method: at.method,
      headers: { ...navigationHeaders(at), ...(cookie === undefined ? {} : { cookie }) },
      body: at.body ?? null,
    });
    this.cookies.store(at.url, [answer.headers['set-cookie'] ?? []].flat());
    return {
      status: answer.statusCode,
      headers: plainHeaders(answer.headers),
      body: await answer.body.text(),
    };
  }

  #show(url: URL, answer: Pick<Page, 'status' | 'headers' | 'body'>): Page {
    const forms = parseForms(answer.body, url.href);
    const page = { ...answer, url: url.href, forms, callback: undefined };
    for (const form of forms) this.#pageOf.set(form, page);
    return page;
  }

  #isForClient(target: URL): boolean {
    if (!/^https?:$/.test(target.protocol)) return true;
    const { origin, pathname } = this.#redirectUri;
    return target.origin === origin && target.pathname === pathname;
  }
}

/**
 * Clicks through oidc-provider's own pages: signs in as `login`, then consents. Returns the first page that is not
 * one of them, which after a success is the client's callback (or, through a gateway, whatever comes after it).
 */
export async function approveOidcProvider(
  browser: Browser,
  page: Page,
  login = 'alice',
): Promise<Page> {
  let current = page;
  for (let form = promptOf(current); form !== undefined; form = promptOf(current)) {
    const isLogin = form.fields.some((field) => field.name === 'password');
    current = await browser.submit(form, isLogin ? { login, password: 'any password' } : {});
  }
  return current;
}

/** Presses oidc-provider's "Cancel": the client is told `access_denied`. */
export function cancelOidcProvider(browser: Browser, page: Page): Promise<Page> {
  const link = /<a href="([^"]+\/abort)"/.exec(page.body)?.[1];
  if (link === undefined) throw new Error(`No cancel link on ${page.url} (status ${page.status})`);
  return browser.visit(new URL(link, page.url));
}

function promptOf(page: Page): Form | undefined {
  return page.forms.find((form) =>
    form.fields.some((field) => field.name === 'prompt' && field.type === 'hidden'),
  );
}

function pressed(form: Form, button: Press | undefined): FormButton | undefined {
  if (button === undefined) return form.buttons[0];
  const found = form.buttons.find((candidate) =>
    typeof button === 'string'
      ? candidate.label === button
      : candidate.name === button.name && candidate.value === button.value,
  );
  if (found === undefined) throw new Error(`The form has no button ${JSON.stringify(button)}`);
  return found;
}

function formData(
  form: Form,
  values: Readonly<Record<string, string>>,
  button: FormButton | undefined,
): URLSearchParams {
  const data = new URLSearchParams();
  const unknown = Object.keys(values).filter(
    (name) => !form.fields.some((field) => field.name === name),
  );
  if (unknown.length > 0) throw new Error(`The form has no field ${unknown.join(', ')}`);
  for (const field of form.fields) {
    const typed = values[field.name];
    if (typed !== undefined) data.set(field.name, typed);
    else if (field.checked) data.append(field.name, field.value);
  }
  if (button !== undefined && button.name !== '') data.append(button.name, button.value);
  return data;
}

function redirected(at: Navigation, target: URL, status: number): Navigation {
  const keepsMethod = status === 307 || status === 308 || at.method === 'GET';
  return {
    url: target,
    method: keepsMethod ? at.method : 'GET',
    body: keepsMethod ? at.body : undefined,
    from: at.from,
    crossSite: at.crossSite || (at.from !== undefined && !isSameSite(at.url, target)),
  };
}

/** What browsers tell about a top-level navigation; servers defend themselves with it. */
function navigationHeaders(at: Navigation): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'accept-language': 'en',
    'user-agent': 'Mozilla/5.0 (headless test browser)',
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': fetchSite(at),
    'sec-fetch-user': '?1',
    'upgrade-insecure-requests': '1',
  };
  if (at.body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
  if (at.from === undefined) return headers;
  const page = new URL(at.from.url);
  const isSameOrigin = page.origin === at.url.origin;
  const policy = at.from.headers.get('referrer-policy') ?? '';
  const isHidden = policy === 'no-referrer' || (policy === 'same-origin' && !isSameOrigin);
  // Fetch, "append a request Origin header": a page that hides its referrer hides its origin as well.
  if (at.method !== 'GET') headers.origin = isHidden ? 'null' : page.origin;
  if (!isHidden) headers.referer = isSameOrigin ? page.href : `${page.origin}/`;
  return headers;
}

function fetchSite(at: Navigation): string {
  if (at.from === undefined) return 'none';
  if (at.crossSite) return 'cross-site';
  return new URL(at.from.url).origin === at.url.origin ? 'same-origin' : 'same-site';
}

function plainHeaders(received: Dispatcher.ResponseData['headers']): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(received)) {
    for (const line of [value ?? []].flat()) headers.append(name, line);
  }
  return headers;
}
