#include "connectors/decode/schema_files.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace remapd::decode {
namespace {

constexpr std::uintmax_t kMaxSchemaFileBytes = std::uintmax_t{64} << 20;

Result<std::string> contents(const std::filesystem::path& path, std::string_view key) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in || size > kMaxSchemaFileBytes) {
    return fail(ErrorCode::kConfig, fmt::format("source.decode.{}: {}: {}", key, path.string(),
                                                error ? "cannot be read: " + error.message()
                                                : in  ? "is longer than 64 MiB"
                                                      : "cannot be read"));
  }
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Result<AvroSchema> load_avro_schema(const DecodeOptions& options) {
  const auto text = contents(options.schema_file, "schema_file");
  if (!text) return fail(text.error());
  auto schema = AvroSchema::parse(*text, {});
  if (!schema) {
    return fail(ErrorCode::kConfig,
                fmt::format("source.decode.schema_file: {}: {}", options.schema_file.string(),
                            schema.error().message));
  }
  return schema;
}

Result<ProtobufSchema> load_protobuf_schema(const DecodeOptions& options) {
  const auto set = contents(options.descriptor_set, "descriptor_set");
  if (!set) return fail(set.error());
  auto schema = ProtobufSchema::from_descriptor_set(as_bytes(*set), options.message);
  if (!schema) {
    return fail(std::move(schema).error().with_context("source.decode.descriptor_set: " +
                                                       options.descriptor_set.string()));
  }
  return schema;
}

Result<AvroSchema> avro_schema_of(const RegisteredSchema& registered) {
  std::vector<std::string> references;
  for (const auto& reference : registered.references) references.push_back(reference.text);
  return AvroSchema::parse(registered.text, references);
}

Result<ProtobufSchema> protobuf_schema_of(const RegisteredSchema& registered) {
  std::vector<ProtobufSchema::Source> imports;
  for (const auto& reference : registered.references) {
    imports.push_back({reference.name, reference.text});
  }
  return ProtobufSchema::from_source({"schema.proto", registered.text}, imports);
}

}  // namespace remapd::decode
