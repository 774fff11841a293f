// What it takes to reach a Kafka cluster: brokers, librdkafka properties in layers, secrets.
//
// Any librdkafka property passes through. Properties come from sections of the configuration, the
// later layer winning, and every error names the key to change:
// `kafka.properties."sasl.mechanism"`. A few are fixed because a guarantee of remapd rests on them;
// setting one to another value is an error that says so. Values of secret properties appear in no
// log line and no error.
//
// A value; safe to share between threads as long as `log` is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remapd::kafka {

enum class LogSeverity : std::uint8_t { kDebug, kInfo, kWarning, kError };

// A line that librdkafka wants logged. Called from its threads, several at a time; must not throw.
struct LogLine {
  LogSeverity severity = LogSeverity::kInfo;
  std::string_view client;    // "remapd#consumer-1"
  std::string_view facility;  // "FAIL"
  std::string_view text;
};
using LogCallback = std::function<void(const LogLine&)>;

// librdkafka's names to values (or, of secrets, to paths).
using Properties = std::map<std::string, std::string, std::less<>>;

struct PropertyLayer {
  std::string section;  // as people write it: "source.kafka.properties"
  Properties values;
};

struct KafkaSettings {
  std::string brokers;                // kafka.brokers: host:port, separated by commas
  std::vector<PropertyLayer> layers;  // later ones win
  PropertyLayer secret_files;         // property to the path of the file that holds its value
  LogCallback log;                    // may be empty: lines are dropped
};

// Whether the value of a librdkafka property must not be shown.
bool is_secret(std::string_view property);

// All that is set, "name=value" in order of the names, secrets as "***"; for a log line.
std::string describe(const KafkaSettings& settings);

// A property's value, and the key that an error about it names.
struct ResolvedProperty {
  std::string value;
  std::string key;  // empty: set by remapd itself
};
using ResolvedProperties = std::map<std::string, ResolvedProperty, std::less<>>;

// A property that must have one value, and why, for people: "acks", "all", "a version counts as
// published only when all in-sync replicas have it".
struct FixedProperty {
  std::string_view name;
  std::string_view value;
  std::string_view reason;
};

// defaults, then the layers, then secrets, then `fixed`. kConfig: a fixed property is set to
// another value, the brokers are set as a property, or a secret's file cannot be read.
Result<ResolvedProperties> resolve(const KafkaSettings& settings, const Properties& defaults,
                                   const std::vector<FixedProperty>& fixed);

}  // namespace remapd::kafka
