import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  BatchCheckRequest,
  BatchCheckResponse,
  CheckRequest,
  CheckResponse,
  CheckStreamRequest,
  CheckStreamResponse,
  DecisionService,
} from "@portcullis/proto/decision/v1/decision";
import { TextReader } from "./text-reader.ts";

/**
 * The contract of Decision as it is served: its hottest answers are written into memory that is kept. Each used to begin
 * with new memory and to outgrow it twice, which took 2 us of the 8.5 that a CheckStream's answer takes.
 */
export const ServedDecision: typeof DecisionService = {
  ...DecisionService,
  check: {
    ...DecisionService.check,
    requestDeserialize: (bytes) => CheckRequest.decode(new TextReader(bytes)),
    responseSerialize: encoder(CheckResponse),
  },
  batchCheck: {
    ...DecisionService.batchCheck,
    requestDeserialize: (bytes) => BatchCheckRequest.decode(new TextReader(bytes)),
    responseSerialize: encoder(BatchCheckResponse),
  },
  checkStream: {
    ...DecisionService.checkStream,
    requestDeserialize: (bytes) => CheckStreamRequest.decode(new TextReader(bytes)),
    responseSerialize: encoder(CheckStreamResponse),
  },
};

function encoder<Message>(type: { encode(message: Message, writer: BinaryWriter): BinaryWriter }) {
  let writer = new BinaryWriter();
  return (message: Message): Buffer => {
    try {
      const { buffer, byteOffset, byteLength } = type.encode(message, writer).finish();
      return Buffer.from(buffer, byteOffset, byteLength);
    } catch (thrown) {
      // What was written of it must not come before the next.
      writer = new BinaryWriter();
      throw thrown;
    }
  };
}
