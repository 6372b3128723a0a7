// Just enough of HTTP/1.1 for our own requests and answers: a message at a time, its length announced or chunked.

/** Finds the end of each message in a stream of bytes. */
export class MessageSplitter {
  #pending: Buffer = Buffer.alloc(0);
  #left = 0;
  #chunked = false;
  readonly #whole: (head: string, body: Buffer) => void;
  readonly #head: ((head: string) => void) | undefined;
  #text = '';
  readonly #keepBody: boolean;

  constructor(
    whole: (head: string, body: Buffer) => void,
    options: { readonly head?: (head: string) => void; readonly keepBody?: boolean } = {},
  ) {
    this.#whole = whole;
    this.#head = options.head;
    this.#keepBody = options.keepBody ?? true;
  }

  push(chunk: Buffer): void {
    let bytes = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk;
    this.#pending = bytes.subarray(0, 0);
    while (bytes.length > 0) {
      const rest = this.#text === '' ? this.#takeHead(bytes) : this.#takeBody(bytes);
      if (rest === undefined) return;
      bytes = rest;
    }
  }

  #takeHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      this.#pending = bytes;
      return undefined;
    }
    this.#text = bytes.toString('latin1', 0, end);
    this.#head?.(this.#text);
    this.#left = Number(/\r\ncontent-length: (\d+)/i.exec(this.#text)?.[1] ?? 0);
    this.#chunked = /\r\ntransfer-encoding: chunked/i.test(this.#text);
    const rest = bytes.subarray(end + 4);
    if (this.#left > 0 || this.#chunked) return rest;
    this.#end(rest.subarray(0, 0));
    return rest;
  }

  #takeBody(bytes: Buffer): Buffer | undefined {
    if (this.#chunked) {
      // Our own bodies do not hold this: no need to read each chunk's size.
      const end = bytes.indexOf('0\r\n\r\n');
      if (end < 0) {
        this.#pending = this.#keepBody ? bytes : bytes.subarray(-4);
        return undefined;
      }
      this.#end(bytes.subarray(0, end));
      return bytes.subarray(end + 5);
    }
    if (this.#keepBody && bytes.length < this.#left) {
      this.#pending = bytes;
      return undefined;
    }
    const taken = Math.min(this.#left, bytes.length);
    this.#left -= taken;
    if (this.#left > 0) return undefined;
    this.#end(bytes.subarray(0, taken));
    return bytes.subarray(taken);
  }

  #end(body: Buffer): void {
    const head = this.#text;
    this.#text = '';
    this.#whole(head, body);
  }
}
