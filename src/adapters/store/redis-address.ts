/** Where a Redis or Valkey is, and how to get in. */
export interface RedisAddress {
  readonly topology: 'single' | 'cluster' | 'sentinel';
  /** The server, some nodes of the cluster, or the sentinels; a path is a unix socket, of a single server only. */
  readonly hosts: readonly RedisHost[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** A cluster has only 0. */
  readonly database: number;
  /** The name that the sentinels know the server by. */
  readonly service: string | undefined;
  /** What every key begins with, so that several gateways or programs can share a server. */
  readonly prefix: string;
}

/** One host, or a unix socket. */
export type RedisHost =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };
