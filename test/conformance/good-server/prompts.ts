import {
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { askUser, written } from './asking.ts';
import { embedded, image, text } from './content.ts';

/** The prompts that the suite asks for: without and with arguments, with other content than text, and one that asks first. */
export function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Has no arguments' }, () =>
    says(text('This is a simple prompt for testing.')),
  );
  const words = ['test', 'testing', 'tested'];
  const arg1 = completable(z.string().describe('First test argument'), (begun) =>
    words.filter((word) => word.startsWith(begun)),
  );
  const arg2 = z.string().describe('Second test argument');
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Has two arguments', argsSchema: z.object({ arg1, arg2 }) },
    (given) => says(text(`Prompt with arguments: arg1='${given.arg1}', arg2='${given.arg2}'`)),
  );
  const resourceUri = z.string().describe('URI of the resource to embed');
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Embeds a resource', argsSchema: z.object({ resourceUri }) },
    (given) =>
      says(
        embedded(given.resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Shows an image' }, () =>
    says(image, text('Please analyze the image above.')),
  );
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks the user first' },
    ({ mcpReq }) => {
      const context = written(mcpReq.inputResponses, 'user_context', 'context');
      if (context !== undefined) return says(text(`The context is ${context}.`));
      const question = askUser('What context should the prompt use?', 'context');
      return inputRequired({ inputRequests: { user_context: question } });
    },
  );
}

type Block = GetPromptResult['messages'][number]['content'];

function says(...blocks: readonly Block[]): GetPromptResult {
  return { messages: blocks.map((content) => ({ role: 'user', content })) };
}
