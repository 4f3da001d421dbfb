// The reference: what grpc-js costs when there is nothing to do. It answers every call with the bytes that it was given
// on the command line, neither decoding nor encoding anything.

import { Server, ServerCredentials } from "@grpc/grpc-js";

const response = Buffer.from(process.argv[2] ?? "", "base64");
const bytes = (value: Buffer): Buffer => value;

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(
  {
    echo: {
      path: "/portcullis.bench.Echo/Echo",
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  },
  { echo: (_call: unknown, answer: (error: null, response: Buffer) => void) => answer(null, response) },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
