const lineFeed = 0x0a;

/**
 * Comments on an event stream that has nothing to say (HTML, "Server-sent events", `comment`), so that no proxy on its way takes it for
 * dead. Only where a line has ended: anywhere else a comment would become part of an event.
 */
export class EventStreamKeepalive {
  readonly #timer: NodeJS.Timeout;
  #lastByte: number | undefined = lineFeed;

  /** `seconds` of silence, and again after as many more. */
  constructor(seconds: number, comment: (text: string) => void) {
    this.#timer = setInterval(() => {
      if (this.#lastByte === lineFeed) comment(':\n');
    }, seconds * 1000);
  }

  /** The stream has said something. */
  heard(chunk: Uint8Array): void {
    this.#lastByte = chunk.at(-1) ?? this.#lastByte;
    this.#timer.refresh();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
