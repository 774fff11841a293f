#include "connectors/kafka/kafka_settings.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace remapd::kafka {
namespace {

std::string key_in(std::string_view section, std::string_view property) {
  return fmt::format("{}.\"{}\"", section, property);
}

Result<std::string> read_secret(const std::string& path, const std::string& key) {
  std::ifstream file(path, std::ios::binary);
  const int error = errno;
  if (!file) {
    return fail(ErrorCode::kConfig,
                fmt::format("{}: cannot open {}: {}", key, path, std::strerror(error)));
  }
  std::string value{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return fail(ErrorCode::kConfig, fmt::format("{}: cannot read {}", key, path));
  // Editors and `echo` end a file with a newline that is no part of the secret.
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  if (value.empty()) return fail(ErrorCode::kConfig, fmt::format("{}: {} is empty", key, path));
  return value;
}

bool names_brokers(std::string_view property) {
  return property == "bootstrap.servers" || property == "metadata.broker.list";
}

}  // namespace

bool is_secret(std::string_view property) {
  static constexpr std::array<std::string_view, 5> kParts = {"password", "secret", "key.pem",
                                                             "ssl_key", "oauthbearer.config"};
  return std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
    return property.find(part) != std::string_view::npos;
  });
}

std::string describe(const KafkaSettings& settings) {
  Properties shown;
  for (const PropertyLayer& layer : settings.layers) {
    for (const auto& [name, value] : layer.values) {
      shown[name] = is_secret(name) ? "***" : value;
    }
  }
  for (const auto& [name, path] : settings.secret_files.values) shown[name] = "***";
  std::string text = "brokers=" + settings.brokers;
  for (const auto& [name, value] : shown) text += fmt::format(" {}={}", name, value);
  return text;
}

Result<ResolvedProperties> resolve(const KafkaSettings& settings, const Properties& defaults,
                                   const std::vector<FixedProperty>& fixed) {
  if (settings.brokers.empty()) {
    return fail(ErrorCode::kConfig, "kafka.brokers: must name at least one broker, host:port");
  }
  ResolvedProperties resolved;
  for (const auto& [name, value] : defaults) resolved[name] = {value, ""};
  for (const PropertyLayer& layer : settings.layers) {
    for (const auto& [name, value] : layer.values) {
      resolved[name] = {value, key_in(layer.section, name)};
    }
  }
  for (const auto& [name, path] : settings.secret_files.values) {
    std::string key = key_in(settings.secret_files.section, name);
    auto value = read_secret(path, key);
    if (!value) return fail(std::move(value).error());
    resolved[name] = {std::move(*value), std::move(key)};
  }
  for (const auto& [name, property] : resolved) {
    if (names_brokers(name)) {
      return fail(ErrorCode::kConfig,
                  fmt::format("{}: the brokers are set by kafka.brokers", property.key));
    }
  }
  for (const FixedProperty& property : fixed) {
    const auto set = resolved.find(property.name);
    if (set != resolved.end() && !set->second.key.empty() && set->second.value != property.value) {
      return fail(ErrorCode::kConfig,
                  fmt::format("{}: must be \"{}\" or left out: {}", set->second.key, property.value,
                              property.reason));
    }
    resolved[std::string(property.name)] = {std::string(property.value), ""};
  }
  resolved["bootstrap.servers"] = {settings.brokers, "kafka.brokers"};
  return resolved;
}

}  // namespace remapd::kafka
