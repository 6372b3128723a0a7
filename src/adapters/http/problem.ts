import type { IncomingMessage, ServerResponse } from 'node:http';
import type { StepRefusal } from '../../application/move-flow.ts';
import type { RequestRefusal } from '../../domain/authorization-request.ts';
import { sendJson, sendPage, wantsPage } from './answers.ts';
import { completedPage } from './completed-page.ts';
import { errorPage } from './error-page.ts';
import { notesOf } from './request-notes.ts';

/** An error that cannot go back to the client: what happened, and what to do now. */
export interface Problem {
  readonly status: number;
  /** For programs. */
  readonly code: string;
  readonly title: string;
  readonly explanation: string;
  readonly remedy: string;
  /** Where the application hears of it, for the user to go to. */
  readonly back?: string;
}

/** Tells a person by a page, a program by JSON. */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
): void {
  const { status, code, explanation, remedy } = problem;
  const notes = notesOf(response);
  notes.error = code;
  const requestId = notes.id || undefined;
  if (wantsPage(request)) sendPage(response, status, errorPage({ ...problem, requestId }));
  else sendJson(response, status, { error: code, error_description: `${explanation} ${remedy}` });
}

const startAgain = 'Go back to the application and start the connection again from there.';

const stepProblems: Readonly<Record<Exclude<StepRefusal, 'already_finished'>, Problem>> = {
  expired: {
    status: 410,
    code: 'flow_expired',
    title: 'This sign-in took too long',
    explanation: 'A sign-in has to be finished within a few minutes, and this one was not.',
    remedy: startAgain,
  },
  unknown: {
    status: 404,
    code: 'flow_unknown',
    title: 'This sign-in is not known',
    explanation: 'It has expired, or its address was not copied whole.',
    remedy: startAgain,
  },
  wrong_browser: {
    status: 403,
    code: 'wrong_browser',
    title: 'This sign-in belongs to another browser',
    explanation:
      'A sign-in has to be finished in the browser that it was opened in first, with cookies allowed. This browser has no cookie for it.',
    remedy: `${startAgain} If the application has a browser window of its own, let it open your usual browser instead.`,
  },
  forged: {
    status: 403,
    code: 'forged',
    title: 'This form was not ours',
    explanation: 'What was sent does not come from the page that this sign-in showed.',
    remedy: startAgain,
  },
  out_of_order: {
    status: 409,
    code: 'out_of_order',
    title: 'This step does not come now',
    explanation: 'The sign-in is at another step than this page belongs to.',
    remedy: startAgain,
  },
};

/** Tells the browser why a step of a flow was refused. */
export function sendStepRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  refusal: StepRefusal,
): void {
  if (refusal === 'already_finished') sendCompleted(response);
  else sendProblem(request, response, stepProblems[refusal]);
}

/** Tells the user that somebody has to register the gateway at the upstream first, as its operator reads it too. */
export function sendByHand(
  request: IncomingMessage,
  response: ServerResponse,
  explanation: string,
  back: string,
): void {
  sendProblem(request, response, {
    status: 503,
    code: 'upstream_wants_registration',
    title: 'This gateway is not registered at its upstream',
    explanation,
    remedy:
      'Tell the operator of this gateway what this page says. When it is done, start the connection again from the application.',
    back,
  });
}

function sendCompleted(response: ServerResponse): void {
  notesOf(response).error = 'already_finished';
  sendPage(response, 409, completedPage());
}

/** Tells the user why an authorization request was refused; only for refusals that must not go to the client. */
export function sendRequestRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  { reason, detail }: Extract<RequestRefusal, { to: 'user' }>,
): void {
  sendProblem(request, response, { ...requestProblems[reason], explanation: detail });
}

const requestProblems: Readonly<
  Record<Extract<RequestRefusal, { to: 'user' }>['reason'], Omit<Problem, 'explanation'>>
> = {
  unknown_client: {
    status: 400,
    code: 'unknown_client',
    title: 'This application is not registered here',
    remedy: 'Remove the server in the application and add it again: it then registers anew.',
  },
  redirect_uri: {
    status: 400,
    code: 'redirect_uri_refused',
    title: 'The application cannot be returned to',
    remedy:
      'Remove the server in the application and add it again. If that does not help, tell the application’s makers: its redirect_uri is not the one that it registered.',
  },
  client_document: {
    status: 400,
    code: 'client_document_refused',
    title: 'The application cannot be let in',
    remedy:
      'Tell the application’s makers what this page says, or the operator of this gateway if the application is one that you trust.',
  },
  client_unavailable: {
    status: 503,
    code: 'client_document_unavailable',
    title: 'Nothing is known of this application just now',
    remedy:
      'Wait a minute, then start the connection again from the application. If it stays like this, tell the operator of this gateway.',
  },
};
