import { StoreUnavailable } from '../../application/ports.ts';
import { ConfigurationError, type GatewayConfig } from './gateway-configuration.ts';
import { type SettingKey, settings } from './settings.ts';
import { describeSource, operatorSpelling, type Sources } from './sources.ts';

/** Why a gateway could not start, as a sentence: what, where the value came from, how to mend it. */
export function startFailure(error: unknown, config: GatewayConfig, sources: Sources): string {
  if (error instanceof ConfigurationError) return configurationFailure(error, sources);
  if (error instanceof StoreUnavailable) {
    return `${error.message} (store: ${describeSource('store', sources)}).`;
  }
  const { example } = operatorSpelling(sources);
  const { host } = config;
  const port = `Port ${config.port} (${describeSource('port', sources)})`;
  const address = `Host "${host}" (${describeSource('host', sources)})`;
  const next = config.port === 0 || config.port === 65_535 ? 8003 : config.port + 1;
  const { code, syscall } = systemErrorIn(error);
  switch (code === 'EACCES' && !opensPorts.has(syscall) ? undefined : code) {
    case 'EADDRINUSE':
      return `${port} is already in use on ${host}; stop the program that has it or choose another, for example ${example('port', String(next))}.`;
    case 'EACCES':
      return `${port} may not be opened by this user; choose one from 1024 on, for example ${example('port')}.`;
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return `${address} is not an address of this machine; give one that is, for example ${example('host')}.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${address} is not a name this machine can resolve; give one that it can, or an address, for example ${example('host')}.`;
    default:
      return `The gateway could not start: ${reason(error)}.`;
  }
}

/** What only shows when the gateway is made: what a file holds that a setting names. */
function configurationFailure({ faults }: ConfigurationError, sources: Sources): string {
  const { name } = operatorSpelling(sources);
  return faults
    .map(({ setting, message }) => `${isSetting(setting) ? name(setting) : setting}: ${message}`)
    .join('\n');
}

function isSetting(text: string): text is SettingKey {
  return Object.hasOwn(settings, text);
}

/** What Node calls it when a port is opened: in a process of its own, and for one of several workers. */
const opensPorts: ReadonlySet<unknown> = new Set(['listen', 'bind']);

/** What the system said, also where the error came wrapped in another. */
function systemErrorIn(error: unknown): { readonly code?: unknown; readonly syscall?: unknown } {
  if (!(error instanceof Error)) return {};
  return 'code' in error ? error : systemErrorIn(error.cause);
}

/** Without the full stop that a sentence ends with. */
function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
