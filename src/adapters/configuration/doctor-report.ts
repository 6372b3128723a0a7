import type { Diagnosis } from '../../application/diagnose-upstream.ts';
import { clientDocumentUrl, protectedResourceMetadataUrl } from '../../domain/metadata.ts';
import { serverMetadataUrls } from '../../domain/upstream-discovery.ts';
import {
  canonicalUrl,
  type GatewayConfig,
  mcpUrl,
  upstreamCallbackUrl,
} from './gateway-configuration.ts';
import { withoutQuery } from './web-address.ts';

/** One request of the examination, and what came back. */
export interface AskedUrl {
  readonly method: string;
  readonly url: string;
  readonly status: number | undefined;
  readonly contentType: string | undefined;
  /** Bytes. */
  readonly length: number | undefined;
  readonly trouble: string | undefined;
}

/** What an examination of an upstream found, for people and for machines. No secret is in it. */
export interface DoctorReport {
  /** Whether a user could sign in, as far as that can be said without one. */
  readonly ok: boolean;
  readonly upstream: string;
  readonly asked: readonly AskedUrl[];
  /** What the gateway will do with what it found; a member that does not apply is null. */
  readonly plan: Readonly<Record<string, string | null>>;
  readonly clients: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}

/** Puts together what was asked and what follows from it. */
export function doctorReport(
  config: GatewayConfig,
  diagnosis: Diagnosis,
  asked: readonly AskedUrl[],
): DoctorReport {
  const base = canonicalUrl(config, config.port);
  const [serverMetadataUrl = ''] = serverMetadataUrls(base);
  return {
    ok: diagnosis.problems.length === 0,
    upstream: withoutQuery(config.upstreamRs),
    asked: asked.map((each) => ({ ...each, url: withoutQuery(each.url) })),
    plan: planOf(config, diagnosis),
    clients: {
      'MCP URL': mcpUrl(config, config.port),
      'resource metadata': protectedResourceMetadataUrl(base, '/mcp'),
      'server metadata': serverMetadataUrl,
      issuer: base,
    },
    notes: diagnosis.notes,
    problems: diagnosis.problems,
  };
}

function planOf(config: GatewayConfig, { upstream, scope }: Diagnosis): DoctorReport['plan'] {
  const callback = { 'callback URL to register': upstreamCallbackUrl(config, config.port) };
  if (config.upstreamAuth !== 'oauth') return { authorization: withoutOAuth[config.upstreamAuth] };
  if (upstream === undefined) return callback;
  const { server, client, manners } = upstream;
  return {
    'authorization server': server.issuer ?? null,
    'authorization endpoint': withoutQuery(server.authorizationEndpoint),
    'token endpoint': withoutQuery(server.tokenEndpoint),
    PKCE: 'S256',
    'registration endpoint': shownUrl(server.registrationEndpoint),
    'revocation endpoint': shownUrl(server.revocationEndpoint),
    client: client ? `${client.clientId} (${howKnown(config, client.clientId)})` : null,
    'client authentication': client?.method ?? null,
    scope: scope ?? null,
    resource: shownUrl(manners.resource),
    'further parameters': String(new URLSearchParams(manners.authorizeParameters)) || null,
    ...callback,
  };
}

function shownUrl(url: string | undefined): string | null {
  return url === undefined ? null : withoutQuery(url);
}

const withoutOAuth = {
  none: 'none: the MCP server wants no token, and users see the gateway alone',
  static: 'a fixed header in place of a token; users see the gateway alone',
} as const;

function howKnown(config: GatewayConfig, clientId: string): string {
  if (config.upstreamClientId !== undefined) return 'configured';
  return clientId === clientDocumentUrl(config.publicUrl)
    ? 'the client document that the gateway publishes'
    : 'registered just now; the gateway registers its own at the first sign-in';
}

/** The report for people, a line each. */
export function doctorLines(report: DoctorReport): readonly string[] {
  const { upstream, asked, plan, clients, notes, problems } = report;
  const planned = Object.entries(plan).map(([name, value]): [string, string] => [
    name,
    value ?? 'none',
  ]);
  return [
    `Upstream ${upstream}`,
    ...section('What was asked, and what came back', table(asked.map(askedRow))),
    ...section('What the gateway will do', table(planned)),
    ...section('What clients will see', table(Object.entries(clients))),
    ...section('Good to know', notes),
    ...section('What is wrong', problems),
    '',
    report.ok ? 'A user can sign in, as far as can be said without one.' : 'No user could sign in.',
  ].map(harmless);
}

/** A line with strangers' words in it: nothing in them moves the cursor, begins another line, or goes on for ever. */
function harmless(line: string): string {
  const shown = line.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
  return shown.length > longestLine ? `${shown.slice(0, longestLine - 1)}…` : shown;
}

const longestLine = 2000;

/** The report for machines; JSON alone leaves characters as they are that move a cursor (C1 controls) or turn the text round. */
export function doctorJson(report: DoctorReport): string {
  const escaped = (character: string) =>
    character
      .split('') // into the halves of a pair, as JSON spells it
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
  return JSON.stringify(report, null, 2).replaceAll(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, escaped);
}

function askedRow({ method, url, ...answer }: AskedUrl): [string, string] {
  const { status, contentType, length, trouble } = answer;
  const kind = contentType === undefined || contentType === '' ? '' : ` ${contentType}`;
  const size = length === undefined || length === 0 ? '' : `, ${length} bytes`;
  return [`${method} ${url}`, trouble ?? `${status}${kind}${size}`];
}

function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${name.padEnd(width)}${value}`);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}
