import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { notesOf } from './request-notes.ts';

/** The longest body that is read only so that its connection can go on (bytes). */
const longest = 64 * 1024;

/** How long what nobody reads may still come after the answer (milliseconds). */
const patience = 5_000;

/**
 * To be called before an answer of the gateway's own is written. What is left of a short body is thrown away, so that the connection can go on;
 * a long one is not waited for, and the connection ends with the answer.
 */
export function leaveRest(response: ServerResponse): void {
  const { req: request } = response;
  const rest = restOfBody(request);
  if (rest === 'none') return;
  notesOf(response).leavesRest = true;
  if (rest === 'long') response.setHeader('Connection', 'close');
  const { socket } = request;
  // Node destroys the connection after a last answer. With bytes of the client unread that resets it, and the client may lose the answer (RFC 9112 §9.6).
  socket.destroySoon = () => {
    if (request.complete) Socket.prototype.destroySoon.call(socket);
    else socket.end();
  };
}

/** How much of a request's body may still come. */
function restOfBody(request: IncomingMessage): 'none' | 'short' | 'long' {
  if (request.complete) return 'none';
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && length === undefined) return 'none';
  return encoding === undefined && Number(length) <= longest ? 'short' : 'long';
}

/** Requests that were answered, and are still on their way. */
export interface Rests {
  /** Throws away what still comes of an answered request, for a short while: then its connection is gone. */
  follow(request: IncomingMessage): void;
  /** Ends the connections of all of them now. */
  end(): void;
}

/** Nobody follows any yet. */
export function restsOfBodies(): Rests {
  const sockets = new Set<Socket>();
  return {
    follow: (request) => {
      const { socket } = request;
      if (request.complete || socket.destroyed) return;
      const over = () => {
        clearTimeout(timer);
        sockets.delete(socket);
        request.off('end', over);
        socket.off('close', over);
        if (socket.writableEnded) socket.destroy();
      };
      const timer = setTimeout(() => socket.destroy(), patience).unref();
      sockets.add(socket);
      request.on('end', over);
      socket.on('close', over);
      request.resume();
    },
    end: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}
