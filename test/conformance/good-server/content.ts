import { Buffer } from 'node:buffer';
import type { CallToolResult } from '@modelcontextprotocol/server';

/** A red dot: one pixel of PNG, in base64. */
export const pngDot =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC';

/** Nothing to hear: a WAV file of no samples (8 kHz, mono, 8 bits), in base64. */
export const silence = wavOfNothing().toString('base64');

/** A block of text. */
export function text(words: string) {
  return { type: 'text' as const, text: words };
}

/** The red dot as a block. */
export const image = { type: 'image' as const, data: pngDot, mimeType: 'image/png' };

/** A resource that comes along with an answer. */
export function embedded(uri: string, mimeType: string, words: string) {
  return { type: 'resource' as const, resource: { uri, mimeType, text: words } };
}

/** A tool's answer of one block of text. */
export function say(words: string): CallToolResult {
  return { content: [text(words)] };
}

function wavOfNothing(): Buffer {
  const file = Buffer.alloc(44);
  file.write('RIFF', 0);
  file.writeUInt32LE(36, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(8000, 28);
  file.writeUInt16LE(1, 32);
  file.writeUInt16LE(8, 34);
  file.write('data', 36);
  return file;
}
