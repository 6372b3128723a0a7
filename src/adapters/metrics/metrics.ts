import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Events, GatewayEvent, RequestFacts } from '../../application/events.ts';

/** What goes on at this moment. */
export interface Activity {
  /** Requests that are not answered whole. */
  readonly requests: number;
  /** Event streams of GET /mcp. */
  readonly streams: number;
}

/** The figures of a gateway, for Prometheus. No label names a user, a client, or anything else that strangers can make more of. */
export interface Metrics extends Events {
  /** The media type of the text. */
  readonly contentType: string;
  text(): Promise<string>;
}

/** Seconds; the longest tool calls take minutes. */
const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];

/** Starts to count. */
export function metrics(version: string, activity: () => Activity): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ) => new Counter({ name: `mcp_gateway_${name}`, help, labelNames, registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ) => new Histogram({ name: `mcp_gateway_${name}`, help, labelNames, registers, buckets });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `mcp_gateway_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });

  const requests = counter('requests_total', 'Requests answered', ['route', 'code']);
  const duration = histogram(
    'request_duration_seconds',
    'From a request to the end of its answer; without GET /mcp, whose streams stay open',
    ['route'],
  );
  const upstream = histogram(
    'upstream_duration_seconds',
    'From a call to the MCP server to the beginning of its answer',
  );
  const logins = counter('logins_total', 'Ends of logins, and what was refused on their way', [
    'result',
    'reason',
  ]);
  const tokens = counter('token_requests_total', 'Requests to /token', [
    'grant',
    'result',
    'error',
  ]);
  const grace = counter(
    'refresh_grace_total',
    'Refresh tokens that had been used before and were answered all the same',
  );
  const registrations = counter('registrations_total', 'Registrations of clients', ['result']);
  const ended = counter('grants_ended_total', 'Grants that ended before their time', ['reason']);
  gauge('requests_in_flight', 'Requests that are not answered whole', () => activity().requests);
  gauge('open_streams', 'Open event streams of GET /mcp', () => activity().streams);
  new Gauge({
    name: 'mcp_gateway_build_info',
    help: 'The version, as a label',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);

  const answered = (facts: RequestFacts) => {
    const { route, status, method } = facts;
    requests.inc({ route, code: status });
    if (!(method === 'GET' && route.startsWith('/mcp'))) {
      duration.observe({ route }, facts.duration / 1000);
    }
    if (facts.upstreamDuration !== undefined) upstream.observe(facts.upstreamDuration / 1000);
    if (route === '/token') {
      tokens.inc({
        grant: facts.grantType ?? 'none',
        result: status < 400 ? 'ok' : 'refused',
        error: facts.error ?? '',
      });
    }
  };
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    emit: (event) => {
      if (event.type === 'request_answered') return answered(event);
      if (event.type === 'superseded_token_answered') return grace.inc();
      if (event.type === 'client_registered') return registrations.inc({ result: 'ok' });
      if (event.type === 'registration_refused') return registrations.inc({ result: 'refused' });
      if (event.type === 'grant_ended') return ended.inc({ reason: event.reason });
      const outcome = loginOutcome(event);
      if (outcome !== undefined) logins.inc(outcome);
    },
  };
}

/** What an event says of a login; `undefined` where it says nothing. */
function loginOutcome(event: GatewayEvent) {
  switch (event.type) {
    case 'code_issued':
      return { result: 'ok', reason: '' };
    case 'sign_in_refused':
      return { result: 'refused', reason: event.reason };
    case 'step_refused':
      return { result: 'refused', reason: event.reason };
    case 'authorization_refused':
      return { result: 'refused', reason: 'authorization_request' };
    case 'authorization_denied':
      return { result: 'denied', reason: event.by };
    case 'upstream_failed':
      return event.flow === undefined ? undefined : { result: 'failed', reason: 'upstream' };
    default:
      return undefined;
  }
}
