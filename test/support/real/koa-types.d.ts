// @types/koa 3 still names a type of content-disposition 1, while version 2 (with types of its own) is installed.
export {};

declare module 'content-disposition' {
  interface Options {
    readonly type?: string;
    readonly fallback?: string | boolean;
  }
}
