import { setTimeout as wait } from 'node:timers/promises';

/** Asks again until it is so, and fails with the last answer where it does not become so within a minute. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`It stayed ${JSON.stringify(answer)}.`);
    await wait(10);
  }
}
