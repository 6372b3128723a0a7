import { UnreadableRecord } from '../../application/ports.ts';

/**
 * Whether a store that can be read can be written too (a full disk, a server that became a replica). Known from the writes themselves; only while the last one
 * failed is there a write of its own to find out whether that is over, since anybody may ask.
 */
export class WriteHealth {
  readonly #tryOne: () => Promise<unknown>;
  #isFailing = false;
  #trying: Promise<unknown> | undefined;

  /** `tryOne`: a write that changes nothing. */
  constructor(tryOne: () => Promise<unknown>) {
    this.#tryOne = tryOne;
  }

  /** Learns from a write how it ends. */
  async learn<Outcome>(writing: Promise<Outcome>): Promise<Outcome> {
    try {
      const outcome = await writing;
      this.#isFailing = false;
      return outcome;
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) this.#isFailing = true;
      throw error;
    }
  }

  /** Resolves where the last write did not fail, or one succeeds now; rejects with what that one says. Many that ask at once share it. */
  async probe(): Promise<void> {
    if (!this.#isFailing) return;
    this.#trying ??= this.learn(this.#tryOne()).finally(() => {
      this.#trying = undefined;
    });
    await this.#trying;
  }
}
