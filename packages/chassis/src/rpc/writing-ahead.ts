// grpc-js hands Node one message of a stream at a time and waits until its bytes have gone to the connection. Handed on
// at once, what is ready together goes out together: an answer of a CheckStream took 13 us of the server, and takes 8.5.

import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";

/** Messages of one stream that Node holds; who is slow to read them stops its stream, and nobody else's. */
const unwrittenMax = 64;

export const writeAhead: ServerInterceptor = ({ responseStream }, call) =>
  // What has one answer is left as it is; the type asks for more than what grpc-js calls.
  responseStream ? new WritingAhead(call) : (call as ServerInterceptingCall);

class WritingAhead extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  #unwritten = 0;
  #whenThereIsRoom: (() => void) | null = null;

  constructor(call: ServerInterceptingCallInterface) {
    super(call);
    this.#call = call;
  }

  /** `handed` is called when the next message may come. */
  override sendMessage(message: unknown, handed: () => void): void {
    this.#unwritten += 1;
    this.#call.sendMessage(message, this.#written);
    if (this.#unwritten < unwrittenMax) handed();
    else this.#whenThereIsRoom = handed;
  }

  readonly #written = (): void => {
    this.#unwritten -= 1;
    const handed = this.#whenThereIsRoom;
    this.#whenThereIsRoom = null;
    handed?.();
  };
}
