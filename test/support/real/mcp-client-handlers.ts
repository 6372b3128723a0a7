import type { Client as ClientV2 } from '@modelcontextprotocol/client';
import type { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

/** Answers what a server asks or tells its client; with one of the first two, the client says that it can. */
export interface ClientHandlers {
  /** Elicitation: the question, answered with what the user typed. */
  readonly elicit?: (message: string) => string | Promise<string>;
  /** Sampling: the prompt, answered with what the model said. */
  readonly sample?: (prompt: string) => string | Promise<string>;
  /** A log message from the server. */
  readonly log?: (data: unknown) => void;
}

/** What a client must announce so that a server dares to ask. */
export function capabilities(handlers: ClientHandlers = {}): {
  elicitation?: Record<string, never>;
  sampling?: Record<string, never>;
} {
  return {
    ...(handlers.elicit === undefined ? {} : { elicitation: {} }),
    ...(handlers.sample === undefined ? {} : { sampling: {} }),
  };
}

/** Sets the handlers on a client of `@modelcontextprotocol/sdk`. */
export function handleV1(client: ClientV1, { elicit, sample, log }: ClientHandlers): void {
  if (elicit) {
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
      action: 'accept',
      content: { answer: await elicit(params.message) },
    }));
  }
  if (sample) {
    client.setRequestHandler(CreateMessageRequestSchema, async ({ params }) => ({
      ...modelAnswer,
      content: { type: 'text', text: await sample(firstText(params.messages)) },
    }));
  }
  if (log) {
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) =>
      log(params.data),
    );
  }
}

/** Sets the handlers on a client of `@modelcontextprotocol/client`. */
export function handleV2(client: ClientV2, { elicit, sample, log }: ClientHandlers): void {
  if (elicit) {
    client.setRequestHandler('elicitation/create', async ({ params }) => ({
      action: 'accept',
      content: { answer: await elicit(params.message) },
    }));
  }
  if (sample) {
    client.setRequestHandler('sampling/createMessage', async ({ params }) => ({
      ...modelAnswer,
      content: { type: 'text', text: await sample(firstText(params.messages)) },
    }));
  }
  if (log) client.setNotificationHandler('notifications/message', ({ params }) => log(params.data));
}

const modelAnswer = { model: 'a-model-under-test', role: 'assistant' as const };

const textContent = z.object({ type: z.literal('text'), text: z.string() });

function firstText(messages: ReadonlyArray<{ readonly content: unknown }>): string {
  return textContent.parse([messages[0]?.content].flat()[0]).text;
}
