import { isIP } from 'node:net';
import { z } from 'zod';
import { readPasswordHash } from '../../domain/password-hash.ts';
import { upstreamAuthMethods } from '../../domain/upstream-client.ts';
import type { BrokenRules } from './configuration-rules.ts';
import { fixedHeader } from './fixed-header.ts';
import type { GatewayConfig, Switch } from './gateway-configuration.ts';
import { mayPass } from './header-names.ts';
import {
  type FileJudge,
  fileFault,
  judgeCertificates,
  judgeHeader,
  judgePrivateKey,
} from './named-files.ts';
import {
  type NumberSetting,
  type SettingKey,
  type Spelling,
  settings,
  type TextSetting,
} from './settings.ts';
import { storeFault } from './store-location.ts';
import { type ForbiddenPart, listenAddress, normalHost, quoted, urlFault } from './web-address.ts';

/**
 * The schema from options to configuration. Each setting is judged alone; then the rules between
 * settings are applied to those that are sound, so that one look finds every fault.
 */
export function configurationSchema(
  spelling: Spelling,
  brokenRules: BrokenRules,
): z.ZodType<GatewayConfig> {
  const { example } = spelling;
  return z
    .strictObject(
      {
        port: wholeNumber(settings.port, example),
        host: host(settings.host, example),
        publicUrl: publicUrl(settings.publicUrl, example),
        tlsCert: optional(settings.tlsCert, example, file(judgeCertificates)),
        tlsKey: optional(settings.tlsKey, example, file(judgePrivateKey)),
        trustedProxy: networks(settings.trustedProxy, example),
        upstreamRs: required(settings.upstreamRs, example, upstreamUrl(['fragment'])),
        upstreamAs: optional(settings.upstreamAs, example, upstreamUrl(['fragment', 'query'])),
        upstreamClientId: optional(settings.upstreamClientId, example, plainText),
        upstreamClientSecret: optional(settings.upstreamClientSecret, example, plainText),
        upstreamAuthorizeEndpoint: optional(
          settings.upstreamAuthorizeEndpoint,
          example,
          upstreamUrl(['fragment']),
        ),
        upstreamTokenEndpoint: optional(
          settings.upstreamTokenEndpoint,
          example,
          upstreamUrl(['fragment']),
        ),
        upstreamScope: scope(settings.upstreamScope, example),
        upstreamAuth: choice(settings.upstreamAuth, example, ['oauth', 'none', 'static']),
        upstreamHeader: optional(settings.upstreamHeader, example, headerText),
        upstreamHeaderFile: optional(settings.upstreamHeaderFile, example, file(judgeHeader)),
        upstreamTokenAuthMethod: choice(
          settings.upstreamTokenAuthMethod,
          example,
          upstreamAuthMethods,
        ),
        upstreamPrivateKeyFile: optional(
          settings.upstreamPrivateKeyFile,
          example,
          file(judgePrivateKey),
        ),
        upstreamPrivateKeyCert: optional(
          settings.upstreamPrivateKeyCert,
          example,
          file(judgeCertificates),
        ),
        upstreamRegistration: choice(settings.upstreamRegistration, example, [
          'auto',
          'document',
          'dynamic',
        ]),
        upstreamClientName: optional(settings.upstreamClientName, example, plainText),
        upstreamResource: required(settings.upstreamResource, example, resourceValue),
        upstreamAuthorizeParam: parameters(
          settings.upstreamAuthorizeParam,
          example,
          authorizationParameters,
        ),
        upstreamTokenParam: parameters(settings.upstreamTokenParam, example, tokenParameters),
        upstreamPlainHttp: choice(settings.upstreamPlainHttp, example, ['refuse', 'allow']),
        upstreamCa: optional(settings.upstreamCa, example, file(judgeCertificates)),
        upstreamClientCert: optional(settings.upstreamClientCert, example, file(judgeCertificates)),
        upstreamClientKey: optional(settings.upstreamClientKey, example, file(judgePrivateKey)),
        upstreamTimeout: wholeNumber(settings.upstreamTimeout, example),
        discoveryTimeout: wholeNumber(settings.discoveryTimeout, example),
        upstreamResponseTimeout: wholeNumber(settings.upstreamResponseTimeout, example),
        upstreamHttp: choice(settings.upstreamHttp, example, ['1.1', '2']),
        upstreamPassHeaders: names(settings.upstreamPassHeaders, example, mayPass, headerNames),
        sseKeepalive: wholeNumber(settings.sseKeepalive, example),
        upstreamRevocation: choice(settings.upstreamRevocation, example, ['auto', 'on', 'off']),
        username: required(settings.username, example, plainText),
        password: required(settings.password, example, plainText),
        passwordHash: optional(settings.passwordHash, example, passwordHash),
        usersFile: optional(settings.usersFile, example, plainText),
        session: wholeNumber(settings.session, example),
        dynamicRegistration: onOrOff(settings.dynamicRegistration, example),
        registrationsPerMinute: wholeNumber(settings.registrationsPerMinute, example),
        authorizationsPerMinute: wholeNumber(settings.authorizationsPerMinute, example),
        tokenRequestsPerMinute: wholeNumber(settings.tokenRequestsPerMinute, example),
        clientsFile: optional(settings.clientsFile, example, plainText),
        clientMetadataDocuments: onOrOff(settings.clientMetadataDocuments, example),
        clientMetadataDomains: names(
          settings.clientMetadataDomains,
          example,
          isHostPattern,
          hostNames,
        ),
        allowInsecureClientMetadata: onOrOff(settings.allowInsecureClientMetadata, example),
        accessTokenTtl: wholeNumber(settings.accessTokenTtl, example),
        refreshTokenTtl: wholeNumber(settings.refreshTokenTtl, example),
        grantTtl: wholeNumber(settings.grantTtl, example),
        codeTtl: wholeNumber(settings.codeTtl, example),
        flowTtl: wholeNumber(settings.flowTtl, example),
        refreshGrace: wholeNumber(settings.refreshGrace, example),
        clockSkew: wholeNumber(settings.clockSkew, example),
        tokenFormat: choice(settings.tokenFormat, example, ['pair', 'opaque']),
        allowedOrigins: origins(settings.allowedOrigins, example),
        introspectionClientId: optional(settings.introspectionClientId, example, plainText),
        introspectionClientSecret: optional(settings.introspectionClientSecret, example, plainText),
        store: required(settings.store, example, (value, row) =>
          storeFault(value, example(row.key)),
        ),
        keyFile: optional(settings.keyFile, example, plainText),
        workers: wholeNumber(settings.workers, example),
        flowsPerAddress: wholeNumber(settings.flowsPerAddress, example),
        maxFlows: wholeNumber(settings.maxFlows, example),
        callsPerGrant: wholeNumber(settings.callsPerGrant, example),
        maxCalls: wholeNumber(settings.maxCalls, example),
        logFormat: choice(settings.logFormat, example, ['auto', 'text', 'json']),
        logLevel: choice(settings.logLevel, example, ['debug', 'info', 'warn', 'error', 'silent']),
        metricsAddress: optional(settings.metricsAddress, example, listenable),
        adminSocket: optional(settings.adminSocket, example, plainText),
        shutdownTimeout: wholeNumber(settings.shutdownTimeout, example),
      },
      {
        error: ({ code }) =>
          code === 'invalid_type'
            ? `Settings come as an object, for example { ${example('upstreamRs')} }.`
            : undefined,
      },
    )
    .superRefine(
      (config, context) => {
        const unsound = new Set(context.issues.map((issue) => issue.path?.[0]));
        for (const { setting, message } of brokenRules(config, unsound, spelling)) {
          context.addIssue({ code: 'custom', path: [setting], message });
        }
      },
      // Also beside faults in single settings; only not where there are no settings at all.
      { when: ({ issues }) => issues.every(({ code, path }) => path || code !== 'invalid_type') },
    );
}

/** Says what is wrong with a text that is not empty, or nothing. */
type Judge = (text: string, row: TextSetting, example: Spelling['example']) => string | undefined;

function wholeNumber(row: NumberSetting, example: Spelling['example']): z.ZodType<number> {
  const what = whatNumber[row.kind];
  const error = ({ input }: { readonly input?: unknown }) =>
    `${shown(input)} is not ${what} from ${row.min} to ${row.max}, for example ${example(row.key)}.${isServiceLink(input) ? serviceLink : ''}`;
  const bounded = z.int({ error }).min(row.min, { error }).max(row.max, { error });
  const spelled = z.string().regex(/^\d{1,15}$/);
  return z
    .union([bounded, spelled.transform(Number).pipe(bounded)], { error })
    .default(row.default)
    .describe(row.description);
}

const whatNumber = {
  port: 'a port; give a whole number',
  seconds: 'accepted; give whole seconds',
  count: 'accepted; give a whole number',
} as const;

function text(row: TextSetting, example: Spelling['example'], judge: Judge): z.ZodType<string> {
  const error = ({ input }: { readonly input?: unknown }) =>
    input === undefined
      ? `A value is required (${row.description}), for example ${example(row.key)}.`
      : `The value is not text; give it in quotes, for example ${example(row.key)}.`;
  return z.string({ error }).superRefine((value, context) => {
    const fault =
      value.trim() === ''
        ? `The value is empty; give one, for example ${example(row.key)}.`
        : judge(value, row, example);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });
}

function required(row: TextSetting, example: Spelling['example'], judge: Judge): z.ZodType<string> {
  const schema = text(row, example, judge);
  return (row.default === undefined ? schema : schema.default(row.default)).describe(
    row.description,
  );
}

function optional(
  row: TextSetting,
  example: Spelling['example'],
  judge: Judge,
): z.ZodType<string | undefined> {
  return text(row, example, judge)
    .optional()
    .transform((value) => value)
    .describe(row.description);
}

function host(row: TextSetting, example: Spelling['example']): z.ZodType<string> {
  const judge: Judge = (value) =>
    normalHost(value) === undefined
      ? `${quoted(value)} is not a host; give a name or an address without scheme and port, for example ${example(row.key)}.`
      : undefined;
  return required(row, example, judge).transform((value) => normalHost(value) ?? value);
}

function publicUrl(row: TextSetting, example: Spelling['example']): z.ZodType<string | undefined> {
  const judge: Judge = (value) =>
    urlFault(value, example(row.key), ['fragment', 'query', 'odd path']);
  return optional(row, example, judge).transform(
    (value) => value && new URL(value).origin + new URL(value).pathname.replace(/\/$/, ''),
  );
}

/** Whether it may be plain http is a rule between settings. */
function upstreamUrl(forbidden: readonly ForbiddenPart[]): Judge {
  return (value, row, example) => urlFault(value, example(row.key), forbidden);
}

/** RFC 8707 §2: an absolute URI without a fragment. */
const resourceValue: Judge = (value, row, example) => {
  const isValue = /^[a-z][a-z\d+.-]*:[^\s#]+$/i.test(value);
  return value === 'auto' || value === 'off' || isValue
    ? undefined
    : `${quoted(value)} is neither auto nor off nor an absolute URI, for example ${example(row.key)}.`;
};

const headerText: Judge = (value, row, example) =>
  fixedHeader(value) === undefined
    ? `The value is not a header that may be set; give Name: value, for example ${example(row.key)}.`
    : undefined;

const listenable: Judge = (value, row, example) =>
  listenAddress(value) === undefined
    ? `${quoted(value)} is no address to listen on; give host and port, for example ${example(row.key)}.`
    : undefined;

function file(judge: FileJudge): Judge {
  return (value, row, example) => fileFault(value, judge, example(row.key));
}

// Parameters that the gateway itself sets: another value would break the flow, or its safety.
const authorizationParameters = [
  'response_type',
  'client_id',
  'redirect_uri',
  'state',
  'code_challenge',
  'code_challenge_method',
  'scope',
  'resource',
];
const tokenParameters = [
  'grant_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'refresh_token',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'scope',
  'resource',
];

/** Parameters of a request, written as in a query; a setting without any is absent. */
function parameters(
  row: TextSetting,
  example: Spelling['example'],
  reserved: readonly string[],
): z.ZodType<Readonly<Record<string, string>> | undefined> {
  const judge: Judge = (value) => {
    const names = [...new URLSearchParams(value).keys()];
    const taken = names.find((name) => reserved.includes(name));
    if (taken !== undefined) return `The gateway sets ${taken} itself; take it out.`;
    const isList = value.split('&').every((each) => /^[^=\s]+=/.test(each));
    return isList && new Set(names).size === names.length
      ? undefined
      : `${quoted(value)} is not a list of parameters; give name=value, each name once, for example ${example(row.key)}.`;
  };
  const spelled = text(row, example, judge);
  const record = z.record(z.string(), z.string());
  return z
    .preprocess((given) => {
      const values = record.safeParse(given);
      return values.success ? String(new URLSearchParams(values.data)) || undefined : given;
    }, spelled.optional())
    .transform((value) => value && Object.fromEntries(new URLSearchParams(value)))
    .optional()
    .transform((value) => value || undefined)
    .describe(row.description);
}

/** RFC 6749 appendix A.4: scope tokens are visible ASCII without quotes and backslashes. */
function scope(row: TextSetting, example: Spelling['example']): z.ZodType<string | undefined> {
  const judge: Judge = (value) =>
    /^[\x21\x23-\x5b\x5d-\x7e ]+$/.test(value)
      ? undefined
      : `${quoted(value)} is not a list of scopes; give names separated by spaces, for example ${example(row.key)}.`;
  return optional(row, example, judge).transform((value) => value?.trim().replace(/ +/g, ' '));
}

/** Control characters come from files and copying, and no form or header can carry them. */
function plainText(value: string): string | undefined {
  return /\p{Cc}/u.test(value)
    ? 'The value holds a line break or another control character; take it out.'
    : undefined;
}

function passwordHash(value: string): string | undefined {
  return readPasswordHash(value) === undefined
    ? 'The value is not a hash of a password; make one with: mcp-oauth-gateway hash-password.'
    : undefined;
}

/** One of a few words; without a default it may be left out. */
function choice<Word extends string, Key extends SettingKey>(
  row: TextSetting<Key>,
  example: Spelling['example'],
  words: readonly Word[],
): z.ZodType<Word | Extract<GatewayConfig[Key], undefined>> {
  const error = ({ input }: { readonly input?: unknown }) =>
    `${shown(input)} is not possible here; give ${words.join(', ').replace(/, ([^,]*)$/, ' or $1')}, for example ${example(row.key)}.`;
  const word = z.enum(words, { error });
  const complete =
    row.default === undefined
      ? word.optional().transform((value) => value)
      : word.default(row.default as Word & z.util.NoUndefined<Word>);
  return complete.describe(row.description) as z.ZodType<Word>;
}

/** Addresses and networks, each as `address` or `address/bits`. */
function networks(row: TextSetting, example: Spelling['example']): z.ZodType<string | undefined> {
  const judge: Judge = (value) => {
    const wrong = value.split(/[\s,]+/).find((each) => each !== '' && !isNetwork(each));
    return wrong === undefined
      ? undefined
      : `${quoted(wrong)} is neither an address nor a network; give one, for example ${example(row.key)}.`;
  };
  return optional(row, example, judge).transform((value) =>
    value
      ?.trim()
      .split(/[\s,]+/)
      .join(' '),
  );
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const width = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const isWidth = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width);
  return width > 0 && isWidth && rest.length === 0;
}

/** Origins as browsers send them (RFC 6454 §6.2): anything else could never be equal to one. */
function origins(row: TextSetting, example: Spelling['example']): z.ZodType<string | undefined> {
  const judge: Judge = (value) => {
    const wrong = value
      .split(/[\s,]+/)
      .find((each) => each !== '' && each !== '*' && !isOrigin(each));
    return wrong === undefined
      ? undefined
      : `${quoted(wrong)} is not an origin; give scheme and host without a path, for example ${example(row.key)}.`;
  };
  return optional(row, example, judge).transform((value) =>
    value
      ?.trim()
      .split(/[\s,]+/)
      .join(' '),
  );
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

/** YAML writes on and off for true and false. */
function onOrOff(row: TextSetting, example: Spelling['example']): z.ZodType<Switch> {
  const error = ({ input }: { readonly input?: unknown }) =>
    `${shown(input)} is neither on nor off; give one of them, for example ${example(row.key)}.`;
  const spelled = z.boolean().transform((value): Switch => (value ? 'on' : 'off'));
  return z
    .union([z.enum(['on', 'off']), spelled], { error })
    .default(row.default === 'on' ? 'on' : 'off')
    .describe(row.description);
}

/** Names separated by commas, or an array of them; in lower case. */
function names(
  row: TextSetting,
  example: Spelling['example'],
  isName: (name: string) => boolean,
  what: string,
): z.ZodType<readonly string[] | undefined> {
  const error = `${what} are expected, separated by commas; for example ${example(row.key)}.`;
  return z
    .union([z.array(z.string()), z.string()], { error })
    .optional()
    .transform((value) => (typeof value === 'string' ? value.split(',') : value))
    .transform((value) => value?.map((name) => name.trim().toLowerCase()))
    .refine((all) => all === undefined || (all.length > 0 && all.every(isName)), { error })
    .describe(row.description);
}

function isHostPattern(name: string): boolean {
  return /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(name);
}

const hostNames = 'Host names';
const headerNames = 'Names of headers (neither credentials nor what is for one connection)';

/** Kubernetes fills MCP_GATEWAY_PORT by itself where a Service is named mcp-gateway. */
function isServiceLink(input: unknown): boolean {
  return typeof input === 'string' && input.startsWith('tcp://');
}

const serviceLink =
  ' Kubernetes sets this variable for a Service named mcp-gateway; put enableServiceLinks: false into the pod.';

function shown(input: unknown): string {
  if (typeof input === 'number') return String(input);
  return typeof input === 'string' ? quoted(input) : 'This value';
}
