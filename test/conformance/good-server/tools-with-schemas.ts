import { fromJsonSchema, type JsonSchemaType, type McpServer } from '@modelcontextprotocol/server';
import { say } from './content.ts';

/** Every keyword that SEP-1613 and SEP-2106 want to find again in a listing. */
const schema2020: JsonSchemaType = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, not a promise
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** SEP-2243: the argument travels in `Mcp-Param-Region` too, and the two must agree. */
const region = { type: 'string' as const, 'x-mcp-header': 'Region' };
const mirroredArgument: JsonSchemaType = {
  type: 'object',
  properties: { region },
  required: ['region'],
};

/** Tools whose input schema says more than types. */
export function addToolsWithSchemas(server: McpServer): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Tool with JSON Schema 2020-12 features',
      inputSchema: fromJsonSchema(schema2020),
    },
    () => say('The input fits the schema.'),
  );
  server.registerTool(
    'test_mirrored_argument',
    {
      description: 'Takes an argument that is repeated in a header',
      inputSchema: fromJsonSchema<{ readonly region: string }>(mirroredArgument),
    },
    ({ region }) => say(`The region is ${region}.`),
  );
}
