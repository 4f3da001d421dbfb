import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
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
  const services = definitions.map(nameOf);
  const { file: all } = fromBinary(FileDescriptorSetSchema, descriptor);
  const fileDescriptorProtos = [...filesOf(services, all)].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file)),
  );
  // The library looks at nothing else of a definition, so that one stands for all.
  const format = "Protocol Buffer 3 EnumDescriptorProto";
  const contracts = { contracts: { format, type: {}, fileDescriptorProtos } } as const;
  return new ReflectionService(contracts, { services });
}

/** The files of these services and all that they import: to read the others too took a fifth of an owner's start. */
function filesOf(
  services: readonly string[],
  all: readonly FileDescriptorProto[],
): Iterable<FileDescriptorProto> {
  const byName = new Map(all.map((file) => [file.name, file]));
  const found = new Set(
    all.filter((file) => file.service.some(({ name }) => services.includes(`${file.package}.${name}`))),
  );
  // A set goes on to what is added to it meanwhile.
  for (const { dependency } of found) {
    for (const name of dependency) {
      const file = byName.get(name);
      if (file !== undefined) found.add(file);
    }
  }
  return found;
}

/** `portcullis.groups.v1.Groups`, as it stands in the paths of its methods. */
function nameOf(definition: ServiceDefinition): string {
  return Object.values(definition)[0]?.path.split("/")[1] ?? "";
}
