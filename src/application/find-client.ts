import {
  type DocumentPolicy,
  documentClient,
  documentUrlFault,
  isDocumentUrl,
} from '../domain/client-document.ts';
import type { Client } from '../domain/client-registration.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { Clock, DocumentFailure, FetchedDocument, Ports, Version } from './ports.ts';
import { recentDocuments } from './recent-documents.ts';

/** A client as it was found; the version only where it came from the store, which alone can note that it is in use. */
export interface KnownClient {
  readonly value: Client;
  readonly version: Version | undefined;
}

/** Why it cannot be said who a client is: its document may not be used, or cannot be had just now. */
export interface ClientFault {
  readonly kind: DocumentFailure['kind'];
  /** For the client's developer. What was found on the way to the document is for the operator alone. */
  readonly sentence: string;
}

/** Finds a client by its id; `undefined` where nobody knows it. */
export type FindClient = (id: string) => Promise<Result<KnownClient | undefined, ClientFault>>;

/** Where clients come from besides the store. */
export interface ClientSources {
  /** Those of the configuration, by their id. */
  readonly configured: ReadonlyMap<string, Client>;
  /** Whose documents are admitted; `undefined`: nobody's. */
  readonly documents: DocumentPolicy | undefined;
}

type FindPorts = Pick<Ports, 'clock' | 'store' | 'clientDocuments' | 'events'>;

/** The use case before every other that a client takes part in: the operator's word comes first, then a document, then the store. */
export function findClient(
  ports: FindPorts,
  { configured, documents }: ClientSources,
  ownOrigin: () => string,
): FindClient {
  const byDocument = documents && findByDocument(ports, documents, ownOrigin);
  return async (id) => {
    const client = configured.get(id);
    if (client !== undefined) return success({ value: client, version: undefined });
    return byDocument?.(id) ?? success(await ports.store.clients.read(id));
  };
}

function findByDocument(
  ports: FindPorts,
  policy: DocumentPolicy,
  ownOrigin: () => string,
): (id: string) => Promise<Result<KnownClient, ClientFault>> | undefined {
  const clients = recentDocuments(ports.clock, async (url) => {
    const client = await clientAt(ports, policy, url);
    if (!client.ok) {
      const { reason } = client.failure;
      ports.events.emit({ type: 'client_document_failed', client: url, reason });
    }
    return client;
  });
  const find = async (id: string): Promise<Result<KnownClient, ClientFault>> => {
    const fault = documentUrlFault(id, policy) ?? ownFault(id, ownOrigin());
    if (fault !== undefined) return failure({ kind: 'refused', sentence: fault });
    const client = await clients.get(id);
    return client.ok
      ? success({ value: client.value, version: undefined })
      : failure(faultOf(client.failure));
  };
  return (id) => (isDocumentUrl(id, policy) ? find(id) : undefined);
}

/** A gateway that fetched from itself could be made to ask itself for ever. */
function ownFault(id: string, origin: string): string | undefined {
  return new URL(id).origin === origin
    ? 'The document of a client cannot be on this gateway.'
    : undefined;
}

async function clientAt(
  { clientDocuments, clock }: { clientDocuments: Ports['clientDocuments']; clock: Clock },
  policy: DocumentPolicy,
  url: string,
): Promise<Result<FetchedDocument<Client>, DocumentFailure>> {
  const document = await clientDocuments.metadata(url);
  if (!document.ok) return document;
  const { value, freshFor } = document.value;
  const client = documentClient(url, value, clock.now(), policy);
  return client.ok
    ? success({ value: client.value, freshFor })
    : failure({ kind: 'refused', reason: client.failure });
}

function faultOf({ kind, reason }: DocumentFailure): ClientFault {
  const sentence =
    kind === 'refused'
      ? `The metadata document of the client may not be used: ${reason}.`
      : 'The metadata document of the client cannot be fetched just now: try again in a minute.';
  return { kind, sentence };
}
