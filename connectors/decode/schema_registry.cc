#include "connectors/decode/schema_registry.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace remapd::decode {
namespace {

using nlohmann::json;

constexpr int kMaxReferenceDepth = 16;
constexpr std::size_t kMaxReferences = 256;
constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{16} << 20;
constexpr int kOk = 200;
constexpr int kUnauthorised = 401;
constexpr int kForbidden = 403;
constexpr int kNotFoundStatus = 404;

std::string base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    const std::size_t n = std::min<std::size_t>(3, text.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < n ? static_cast<unsigned char>(text[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out.push_back(i <= n ? kDigits[bits >> (18 - 6 * i) & 63] : '=');
    }
  }
  return out;
}

std::string url_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<std::string> first_line(const std::filesystem::path& file) {
  std::string line;
  std::ifstream in(file);
  if (!in || !std::getline(in, line)) {
    return fail(ErrorCode::kUnavailable,
                file.string() + ", the registry's password file, cannot be read, or is empty",
                true);
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

struct SchemaRegistry::Answer {
  int status = 0;
  json body;
};

SchemaRegistry::SchemaRegistry(RegistryOptions options, std::unique_ptr<http::HttpClient> client)
    : options_(std::move(options)), client_(std::move(client)) {}

Result<std::unique_ptr<SchemaRegistry>> SchemaRegistry::create(const RegistryOptions& options) {
  auto client = http::HttpClient::create({.url = options.url,
                                          .ca_file = options.ca_file,
                                          .connect_timeout = std::chrono::seconds(2),
                                          .stall_timeout = std::chrono::seconds(3),
                                          .max_bytes = kMaxAnswerBytes});
  if (!client || options.url.starts_with("unix:")) {
    return fail(ErrorCode::kConfig,
                fmt::format("source.decode.schema_registry: \"{}\" is no URL: as in "
                            "http://registry:8081 or https://registry/apis/ccompat/v7",
                            options.url));
  }
  return std::unique_ptr<SchemaRegistry>(new SchemaRegistry(options, std::move(*client)));
}

Result<SchemaRegistry::Answer> SchemaRegistry::get(const std::string& path) {
  std::vector<std::string> headers{
      "Accept: application/vnd.schemaregistry.v1+json, application/json"};
  if (!options_.user.empty()) {
    std::string password;
    if (!options_.password_file.empty()) {
      auto line = first_line(options_.password_file);
      if (!line) return fail(std::move(line).error());
      password = std::move(*line);
    }
    headers.push_back("Authorization: Basic " + base64(options_.user + ":" + password));
  }
  auto response = client_->get(path, headers);
  if (!response) {
    // A certificate may be put right while we wait.
    Error error = std::move(response).error();
    return fail(ErrorCode::kUnavailable, "schema registry " + error.message, true);
  }
  const std::string where = fmt::format("schema registry {}{}", options_.url, path);
  if (response->status == kUnauthorised || response->status == kForbidden) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{}: it answers {}: change source.decode.registry_user and "
                            "registry_password_file",
                            where, response->status),
                true);
  }
  if ((response->status != kOk && response->status != kNotFoundStatus) || !response->whole) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}: it answers {}", where, response->status),
                true);
  }
  Answer answer{.status = response->status,
                .body = json::parse(as_text(response->body), nullptr, /*allow_exceptions=*/false)};
  if (answer.status == kOk && !answer.body.is_object()) {
    return fail(ErrorCode::kUnavailable, where + ": its answer is no JSON: is this a registry?",
                true);
  }
  return answer;
}

Result<RegisteredSchema> SchemaRegistry::fetch(std::uint32_t id) {
  const auto answer = get(fmt::format("/schemas/ids/{}", id));
  if (!answer) return fail(answer.error());
  if (answer->status == kNotFoundStatus) {
    // A path that is no registry's answers 404, too, but in other words.
    if (!answer->body.is_object() || !answer->body.contains("error_code")) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{}/schemas/ids/{}: it answers 404 in other words than a schema "
                              "registry: check the path in source.decode.schema_registry",
                              options_.url, id),
                  true);
    }
    return fail(ErrorCode::kNotFound,
                fmt::format("schema {}: the registry {} does not know it", id, options_.url));
  }
  RegisteredSchema schema;
  const auto text = answer->body.find("schema");
  if (text == answer->body.end() || !text->is_string()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("schema {}: the registry's answer holds no schema", id));
  }
  schema.text = text->get<std::string>();
  const auto named = answer->body.find("schemaType");  // Avro's need not be
  const std::string type =
      named != answer->body.end() && named->is_string() ? named->get<std::string>() : "AVRO";
  if (type == "PROTOBUF") {
    schema.type = SchemaType::kProtobuf;
  } else if (type == "JSON") {
    schema.type = SchemaType::kJson;
  } else if (type != "AVRO") {
    return fail(ErrorCode::kCorrupt,
                fmt::format("schema {} is of type {}, must be AVRO, PROTOBUF or JSON", id, type));
  }
  if (auto added = add_references(*answer, 0, schema); !added) {
    return fail(std::move(added).error().with_context(fmt::format("schema {}", id)));
  }
  return schema;
}

Result<void> SchemaRegistry::add_references(const Answer& answer, int depth,
                                            RegisteredSchema& into) {
  const auto references = answer.body.find("references");
  if (references == answer.body.end() || !references->is_array()) return {};
  for (const json& reference : *references) {
    const bool whole = reference.is_object() && reference.contains("name") &&
                       reference["name"].is_string() && reference.contains("subject") &&
                       reference["subject"].is_string() && reference.contains("version") &&
                       reference["version"].is_number_integer();
    if (!whole || depth == kMaxReferenceDepth || into.references.size() == kMaxReferences) {
      return fail(ErrorCode::kCorrupt, "its references cannot be understood");
    }
    const auto name = reference["name"].get<std::string>();
    const bool known = std::any_of(into.references.begin(), into.references.end(),
                                   [&](const auto& other) { return other.name == name; });
    if (known) continue;
    const auto found = get(fmt::format("/subjects/{}/versions/{}",
                                       url_encoded(reference["subject"].get<std::string>()),
                                       reference["version"].get<std::int64_t>()));
    if (!found) return fail(found.error());
    if (found->status != kOk || !found->body.contains("schema") ||
        !found->body["schema"].is_string()) {
      return fail(ErrorCode::kCorrupt, fmt::format("it refers to {}, which the registry does not "
                                                   "know",
                                                   name));
    }
    if (auto added = add_references(*found, depth + 1, into); !added) return added;
    into.references.push_back({name, found->body["schema"].get<std::string>()});
  }
  return {};
}

}  // namespace remapd::decode
