import {
  acceptedContent,
  inputRequired,
  type McpServer,
  type RequestStateCodec,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { askModel, askUser, written } from './asking.ts';
import { say } from './content.ts';

/** What a call in several rounds must not forget; it travels through the client, sealed. */
export interface CallState {
  readonly round: number;
}

/** Tools whose rounds hang together by a state that nobody else can make (SEP-2322). */
export function addToolsWithState(server: McpServer, codec: RequestStateCodec<CallState>): void {
  addConfirmation(server, codec);
  addRounds(server, codec);
}

function addConfirmation(server: McpServer, codec: RequestStateCodec<CallState>): void {
  const description = 'Asks, and knows its own state again';
  for (const kind of ['request_state', 'tampered_state']) {
    server.registerTool(`test_input_required_result_${kind}`, { description }, async (call) => {
      const { inputResponses, requestState } = call.mcpReq;
      const confirmed = acceptedContent(inputResponses, 'confirm', z.object({ ok: z.boolean() }));
      if (confirmed?.ok && requestState<CallState>()?.round === 1) return say('state-ok');
      const properties = { ok: { type: 'boolean' as const } };
      const requestedSchema = { type: 'object' as const, properties, required: ['ok'] };
      const question = inputRequired.elicit({ message: 'Please confirm', requestedSchema });
      const state = await codec.mint({ round: 1 }, call);
      return inputRequired({ inputRequests: { confirm: question }, requestState: state });
    });
  }
}

function addRounds(server: McpServer, codec: RequestStateCodec<CallState>): void {
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks three in one round' },
    async (call) => {
      const { inputResponses, requestState } = call.mcpReq;
      const inputRequests = {
        user_name: askUser('What is your name?', 'name'),
        greeting: askModel('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      };
      const isAnswered = Object.keys(inputRequests).every((key) => inputResponses?.[key]);
      if (isAnswered && requestState<CallState>()?.round === 1) return say('All have answered.');
      return inputRequired({ inputRequests, requestState: await codec.mint({ round: 1 }, call) });
    },
  );
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks in two rounds' },
    async (call) => {
      const { inputResponses, requestState } = call.mcpReq;
      const round = requestState<CallState>()?.round ?? 0;
      const color = written(inputResponses, 'step2', 'color');
      if (round === 2 && color !== undefined) return say(`A favorite color: ${color}.`);
      if (round === 2 || (round === 1 && written(inputResponses, 'step1', 'name') !== undefined)) {
        const step2 = askUser('Step 2: What is your favorite color?', 'color');
        const state = await codec.mint({ round: 2 }, call);
        return inputRequired({ inputRequests: { step2 }, requestState: state });
      }
      const step1 = askUser('Step 1: What is your name?', 'name');
      const state = await codec.mint({ round: 1 }, call);
      return inputRequired({ inputRequests: { step1 }, requestState: state });
    },
  );
}
