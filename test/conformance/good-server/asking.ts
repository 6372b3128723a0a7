import {
  acceptedContent,
  type CreateMessageResult,
  type CreateMessageResultWithTools,
  type InputRequest,
  inputRequired,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

/** The answers that came with a request that was sent again. */
export type Answers = Readonly<Record<string, unknown>> | undefined;

/** A question to the user with one field of text that has to be filled in. */
export function askUser(message: string, field: string): InputRequest {
  const properties = { [field]: { type: 'string' as const } };
  const requestedSchema = { type: 'object' as const, properties, required: [field] };
  return inputRequired.elicit({ message, requestedSchema });
}

/** What the user wrote in that field; undefined without a usable answer, so that the question is put again. */
export function written(answers: Answers, key: string, field: string): string | undefined {
  return acceptedContent(answers, key, z.object({ [field]: z.string() }))?.[field];
}

/** A question to the client's model. */
export function askModel(question: string, maxTokens: number): InputRequest {
  const content = { type: 'text' as const, text: question };
  return inputRequired.createMessage({ messages: [{ role: 'user', content }], maxTokens });
}

/** The words of a model's answer. */
export function modelSaid(result: CreateMessageResult | CreateMessageResultWithTools): string {
  const blocks = [result.content].flat();
  return blocks.map((block) => (block.type === 'text' ? block.text : '')).join('');
}
