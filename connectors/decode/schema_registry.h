// SchemaRegistry: schemas by their number, from a server that speaks Confluent's REST API
// (Confluent, Apicurio's /apis/ccompat/v7, Karapace, Redpanda).
//
//   GET /schemas/ids/{id}                          {"schema", "schemaType", "references"}
//   GET /subjects/{subject}/versions/{version}     a schema that another one refers to
//
// Nothing is kept here: a schema of a number never changes, and those who ask keep what they made
// of it. Not thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "connectors/http/http_client.h"
#include "core/base/result.h"

namespace remapd::decode {

struct RegistryOptions {
  std::string url;                        // http:// or https://, with a path if the API has one
  std::string user{};                     // basic authentication; empty: none
  std::filesystem::path password_file{};  // its first line; read for each request
  std::filesystem::path ca_file{};        // PEM; empty: the system's authorities
};

enum class SchemaType : std::uint8_t { kAvro, kProtobuf, kJson };

struct RegisteredSchema {
  struct Reference {
    std::string name;  // as the schema refers to it
    std::string text;
  };
  SchemaType type = SchemaType::kAvro;
  std::string text;
  std::vector<Reference> references{};  // each after those that it refers to itself
};

class SchemaRegistry {
 public:
  // kConfig: no such URL.
  static Result<std::unique_ptr<SchemaRegistry>> create(const RegistryOptions& options);

  // kNotFound: the registry knows no schema of that number. kCorrupt: its answer cannot be
  // understood. kUnavailable, retryable: it does not answer, has trouble of its own, or refuses the
  // credentials. Takes a few seconds at most.
  Result<RegisteredSchema> fetch(std::uint32_t id);

 private:
  SchemaRegistry(RegistryOptions options, std::unique_ptr<http::HttpClient> client);

  struct Answer;
  Result<Answer> get(const std::string& path);
  Result<void> add_references(const Answer& answer, int depth, RegisteredSchema& into);

  RegistryOptions options_;
  std::unique_ptr<http::HttpClient> client_;
};

}  // namespace remapd::decode
