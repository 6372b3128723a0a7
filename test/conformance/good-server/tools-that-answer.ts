import type { CallToolResult, McpServer } from '@modelcontextprotocol/server';
import { embedded, image, say, silence, text } from './content.ts';

/** Every kind of content a tool can answer with, and an error. */
export function addToolsThatAnswer(server: McpServer): void {
  const answers: Readonly<Record<string, CallToolResult['content']>> = {
    test_simple_text: [text('This is a simple text response for testing.')],
    test_image_content: [image],
    test_audio_content: [{ type: 'audio', data: silence, mimeType: 'audio/wav' }],
    test_embedded_resource: [
      embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
    ],
    test_multiple_content_types: [
      text('Multiple content types test:'),
      image,
      embedded(
        'test://mixed-content-resource',
        'application/json',
        JSON.stringify({ test: 'data', value: 123 }),
      ),
    ],
  };
  for (const [name, content] of Object.entries(answers)) {
    server.registerTool(name, { description: 'Answers with fixed content' }, () => ({ content }));
  }
  server.registerTool('test_error_handling', { description: 'Always fails' }, () => ({
    ...say('This tool intentionally returns an error for testing'),
    isError: true,
  }));
}
