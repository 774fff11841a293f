#include "connectors/files/claim.h"

#include <array>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/files/durable_file.h"
#include "connectors/files/mapping_directory.h"
#include "core/base/hash.h"

namespace remapd::files {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::uint64_t kMaxBytes = std::size_t{64} << 10;

Json fields_of(const Claim& claim) {
  return {{"epoch", claim.epoch.value}, {"instance", claim.instance}, {"claim", claim.token}};
}

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Of the fields as they are written.
std::string checksum_of(const Json& fields) {
  return fmt::format("{:016x}", checksum(as_bytes(text_of(fields))));
}

}  // namespace

std::string random_token() {
  std::random_device entropy;
  return fmt::format("{:08x}{:08x}", entropy(), entropy());
}

Result<Claim> read_claim(const fs::path& table_directory) {
  const fs::path path = table_directory / kEpochFile;
  const auto bytes = read_file(path, kMaxBytes);
  if (!bytes) return fail(bytes.error());
  const auto damaged = [&](std::string_view why) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: damaged: {}", path.string(), why));
  };
  const Json json = Json::parse(as_text(*bytes), nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* key, auto is) {
    return json.contains(key) && (json[key].*is)();
  };
  if (!json.is_object() || !has("epoch", &Json::is_number_unsigned) ||
      !has("instance", &Json::is_string) || !has("claim", &Json::is_string)) {
    return damaged("it must be a JSON object with epoch, instance and claim");
  }
  Claim claim{Epoch{json["epoch"].get<std::uint64_t>()}, json["instance"].get<std::string>(),
              json["claim"].get<std::string>()};
  if (json.size() > 3 && json.value("checksum", Json()) != checksum_of(fields_of(claim))) {
    return damaged("its checksum does not hold");
  }
  return claim;
}

Result<void> write_claim(const fs::path& table_directory, const Claim& claim) {
  Json json = fields_of(claim);
  json["checksum"] = checksum_of(json);
  const std::string text = text_of(json) + "\n";
  const std::array<ByteView, 1> parts = {as_bytes(text)};
  return replace_file(table_directory / kEpochFile, parts);
}

}  // namespace remapd::files
