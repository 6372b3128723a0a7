import { html } from './html.ts';
import { page } from './page-layout.ts';

/** For a form or a redirect that comes a second time (a double click, the back button) after its flow has ended. */
export function completedPage(): string {
  return page({
    title: 'Already completed',
    width: 'narrow',
    smallPrint: undefined,
    body: html`<article class="card pad">
<p class="eyebrow">Nothing left to do</p>
<h1>This sign-in is already completed</h1>
<p>The application has its answer. You can close this window.</p>
<section class="remedy" aria-labelledby="remedy">
<h2 id="remedy">Is the application still waiting?</h2>
<p>Start the connection again from the application. A new page will open for you to sign in.</p>
</section>
</article>`,
  });
}
