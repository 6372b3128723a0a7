import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequests,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { askModel, askUser, modelSaid, written } from './asking.ts';
import { say } from './content.ts';

/**
 * Tools that need somebody else's answer first. They say so by their result (SEP-2322); for clients of 2025 the SDK turns
 * the same result into requests of its own.
 */
export function addToolsThatAsk(server: McpServer): void {
  addQuestionsToTheUser(server);
  addQuestionsToTheModel(server);
  addQuestionsToTheClient(server);
}

function addQuestionsToTheUser(server: McpServer): void {
  const description = 'Asks the user';
  for (const name of ['test_input_required_result_elicitation', 'test_streaming_elicitation']) {
    server.registerTool(name, { description }, ({ mcpReq }) => {
      const user = written(mcpReq.inputResponses, 'user_name', 'name');
      if (user !== undefined) return say(`Hello, ${user}!`);
      return inputRequired({ inputRequests: { user_name: askUser('What is your name?', 'name') } });
    });
  }
  server.registerTool(
    'test_elicitation',
    { description, inputSchema: z.object({ message: z.string() }) },
    ({ message }, { mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'answer');
      if (answer.kind === 'elicit') {
        const { action, content } = answer;
        return say(`User response: action: ${action}, content: ${JSON.stringify(content ?? {})}`);
      }
      const properties = {
        username: { type: 'string' as const, description: "User's response" },
        email: { type: 'string' as const, description: "User's email address" },
      };
      const required = Object.keys(properties);
      const requestedSchema = { type: 'object' as const, properties, required };
      const question = inputRequired.elicit({ message, requestedSchema });
      return inputRequired({ inputRequests: { answer: question } });
    },
  );
}

function addQuestionsToTheModel(server: McpServer): void {
  const description = 'Asks the model';
  // The SDK refuses the second one itself (-32021): the suite calls it for a client that cannot be asked.
  for (const name of ['test_input_required_result_sampling', 'test_missing_capability']) {
    server.registerTool(name, { description }, ({ mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'capital_question');
      if (answer.kind === 'sampling') return say(modelSaid(answer.result));
      const question = askModel('What is the capital of France?', 100);
      return inputRequired({ inputRequests: { capital_question: question } });
    });
  }
  server.registerTool(
    'test_sampling',
    { description, inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, { mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'answer');
      if (answer.kind === 'sampling') return say(`LLM response: ${modelSaid(answer.result)}`);
      return inputRequired({ inputRequests: { answer: askModel(prompt, 100) } });
    },
  );
}

function addQuestionsToTheClient(server: McpServer): void {
  const description = 'Asks the client';
  server.registerTool('test_input_required_result_list_roots', { description }, ({ mcpReq }) => {
    const answer = inputResponse(mcpReq.inputResponses, 'client_roots');
    if (answer.kind === 'roots') return say(answer.roots.map(({ uri }) => uri).join(', '));
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
  server.registerTool('test_input_required_result_capabilities', { description }, (call) => {
    if (call.mcpReq.inputResponses !== undefined) return say('Everything has been answered.');
    const can = capabilities(call);
    const inputRequests: InputRequests = {
      ...(can.elicitation && { user_name: askUser('What is your name?', 'name') }),
      ...(can.sampling && { greeting: askModel('Generate a greeting', 50) }),
      ...(can.roots && { client_roots: inputRequired.listRoots() }),
    };
    return inputRequired({ inputRequests });
  });
}

/** Since 2026-07-28 every request says what its client can do. */
function capabilities({ mcpReq }: ServerContext): ClientCapabilities {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {};
  return envelope[CLIENT_CAPABILITIES_META_KEY] ?? {};
}
