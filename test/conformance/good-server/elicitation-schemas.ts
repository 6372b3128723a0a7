import {
  type ElicitRequestFormParams,
  inputRequired,
  inputResponse,
  type McpServer,
} from '@modelcontextprotocol/server';
import { say } from './content.ts';

type Properties = ElicitRequestFormParams['requestedSchema']['properties'];

/** SEP-1034: a default for every primitive type. */
const defaults: Properties = {
  name: { type: 'string', description: "User's name", default: 'John Doe' },
  age: { type: 'integer', description: "User's age", default: 30 },
  score: { type: 'number', description: "User's score", default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', description: 'Whether the user is verified', default: true },
};

/** SEP-1330: the five ways to offer a choice. */
const choices: Properties = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: {
    type: 'string',
    oneOf: [
      { const: 'value1', title: 'First Option' },
      { const: 'value2', title: 'Second Option' },
      { const: 'value3', title: 'Third Option' },
    ],
  },
  legacyEnum: {
    type: 'string',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: {
    type: 'array',
    items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  },
  titledMulti: {
    type: 'array',
    items: {
      anyOf: [
        { const: 'value1', title: 'First Choice' },
        { const: 'value2', title: 'Second Choice' },
        { const: 'value3', title: 'Third Choice' },
      ],
    },
  },
};

/** Tools that ask the user for more than text. */
export function addElicitationSchemas(server: McpServer): void {
  const schemas = {
    test_elicitation_sep1034_defaults: defaults,
    test_elicitation_sep1330_enums: choices,
  };
  for (const [name, properties] of Object.entries(schemas)) {
    server.registerTool(name, { description: 'Asks the user to choose' }, ({ mcpReq }) => {
      const answer = inputResponse(mcpReq.inputResponses, 'answer');
      if (answer.kind === 'elicit') {
        const content = JSON.stringify(answer.content ?? {});
        return say(`Elicitation completed: action=${answer.action}, content=${content}`);
      }
      const requestedSchema = { type: 'object' as const, properties, required: [] };
      const question = inputRequired.elicit({ message: 'Please choose', requestedSchema });
      return inputRequired({ inputRequests: { answer: question } });
    });
  }
}
