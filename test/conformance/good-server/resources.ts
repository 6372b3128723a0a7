import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { pngDot } from './content.ts';

/** The resources that the suite reads, lists and subscribes to. */
export function addResources(server: McpServer): void {
  const words = {
    'test://static-text': 'This is the content of the static text resource.',
    'test://watched-resource': 'Somebody may want to know when this changes.',
    'test://example-resource': 'An example.',
  };
  for (const [uri, text] of Object.entries(words)) {
    const described = { description: 'A resource of text', mimeType: 'text/plain' };
    server.registerResource(uri, uri, described, () => ({
      contents: [{ uri, mimeType: 'text/plain', text }],
    }));
  }
  const image = { description: 'A resource of bytes', mimeType: 'image/png' };
  server.registerResource('static-binary', 'test://static-binary', image, ({ href }) => ({
    contents: [{ uri: href, mimeType: 'image/png', blob: pngDot }],
  }));
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  const data = { description: 'Data by id', mimeType: 'application/json' };
  server.registerResource('template', template, data, ({ href }, { id }) => {
    const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` });
    return { contents: [{ uri: href, mimeType: 'application/json', text }] };
  });
}
