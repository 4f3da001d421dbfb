import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

/**
 * Tells clients which contracts are served, and their files. The files are passed on as `buf build` wrote them: read
 * into a model and written again, they lose the leading dots of type names, without which clients find no types.
 */
export function reflectionOf(
  descriptor: Buffer,
  definitions: readonly ServiceDefinition[],
): ReflectionService {
  const { file: files } = fromBinary(FileDescriptorSetSchema, descriptor);
  const fileDescriptorProtos = files.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)));
  // The library looks at nothing else of a definition, so that one stands for all.
  const format = "Protocol Buffer 3 EnumDescriptorProto";
  const contracts = { contracts: { format, type: {}, fileDescriptorProtos } } as const;
  return new ReflectionService(contracts, { services: definitions.map(nameOf) });
}

/** `portcullis.groups.v1.Groups`, as it stands in the paths of its methods. */
function nameOf(definition: ServiceDefinition): string {
  return Object.values(definition)[0]?.path.split("/")[1] ?? "";
}
