import type { PageVisitor } from '../../application/diagnose-endpoints.ts';
import type { Seconds } from '../../domain/lifetime.ts';
import { success } from '../../domain/result.ts';
import type { MakeCall } from './http-call.ts';

/** Looks at pages over HTTP; what they say is of no interest, only whether they are there. */
export function pageVisitor(call: MakeCall, within: Seconds): PageVisitor {
  return {
    visit: async (url) => {
      const headers = { accept: 'text/html' };
      const answer = await call(
        { url, method: 'GET', headers, headOnly: true, stays: true },
        within,
      );
      if (!answer.ok) return answer;
      const { status, location } = answer.value;
      return success({ status, location });
    },
  };
}
