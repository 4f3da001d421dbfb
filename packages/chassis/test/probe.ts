import { HeadsRequest, HeadsResponse } from "@portcullis/proto/facts/v1/facts";

/** A contract of one method is enough: the real one has more, which these tests do not need. */
export const Probe = {
  heads: {
    path: "/portcullis.facts.v1.Facts/Heads",
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: HeadsRequest) => Buffer.from(HeadsRequest.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => HeadsRequest.decode(bytes),
    responseSerialize: (message: HeadsResponse) => Buffer.from(HeadsResponse.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => HeadsResponse.decode(bytes),
  },
} as const;
