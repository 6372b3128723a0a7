import { displayText, html } from './html.ts';
import { page } from './page-layout.ts';

/** An error told to a person; the texts may quote what a client or the upstream said. */
export interface ErrorView {
  /** The HTTP status the page is sent with. */
  readonly status: number;
  readonly title: string;
  readonly explanation: string;
  /** What to do now. */
  readonly remedy: string;
  /** What an operator searches the logs for. */
  readonly requestId?: string | undefined;
  /** Where the application hears of the error: a registered redirect URI, which is never a script. */
  readonly back?: string;
}

// Enough for a redirect URI quoted in a sentence.
const TEXT_LIMIT = 1000;

/** The page for an error that cannot go back to the client: what happened, and what to do now. */
export function errorPage(view: ErrorView): string {
  const title = displayText(view.title, 160);
  return page({
    title,
    width: 'narrow',
    smallPrint:
      view.requestId === undefined
        ? undefined
        : html`<p>Request <code>${displayText(view.requestId)}</code></p>`,
    body: html`<article class="card pad">
<p class="eyebrow bad">Error ${view.status}</p>
<h1>${title}</h1>
<p>${displayText(view.explanation, TEXT_LIMIT)}</p>
<section class="remedy" aria-labelledby="remedy">
<h2 id="remedy">What to do now</h2>
<p>${displayText(view.remedy, TEXT_LIMIT)}</p>
</section>
${view.back !== undefined && html`<p class="small"><a href="${view.back}">Back to the application</a></p>`}
</article>`,
  });
}
