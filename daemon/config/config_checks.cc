#include "daemon/config/config_checks.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <arpa/inet.h>
#include <sys/un.h>

#include "connectors/decode/sample_builder.h"
#include "daemon/config/closest_name.h"
#include "daemon/config/key.h"
#include "daemon/config/record_layout.h"

namespace remapd::config {
namespace {

class Checker {
 public:
  Checker(const Config& config, const Places& places, const std::string& file)
      : config_(config), places_(places), file_(file) {}

  std::vector<Problem> run() && {
    check_tables();
    check_features();
    check_learning();
    check_source();
    check_decode();
    check_admin();
    if (problems_.empty()) {
      // The bounds of the schema are the engine's; should they ever differ, the engine's hold.
      if (const auto engine = config_.engine_config(); !engine) {
        report("", engine.error().message);
      }
    }
    return std::move(problems_);
  }

 private:
  void check_tables() {
    if (config_.tables.empty()) report("", "no table: add a [[table]] section with name and rows");
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < config_.tables.size(); ++i) {
      const std::string path = "table[" + std::to_string(i) + "]";
      const std::string& name = config_.tables[i].name;
      if (!names.insert(name).second) report(path + ".name", "is the name of another table too");
      const bool fed = std::any_of(
          config_.features.begin(), config_.features.end(),
          [&](const Feature& f) { return (f.table.empty() ? f.name : f.table) == name; });
      if (!fed) {
        report(path, "is fed by no feature: add a [[feature]] section with table = " +
                         string_literal(name));
      }
    }
  }

  void check_features() {
    if (config_.features.empty()) report("", "no feature: add a [[feature]] section with its name");
    std::vector<std::string> tables;
    for (const auto& table : config_.tables) tables.push_back(table.name);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < config_.features.size(); ++i) {
      const Feature& feature = config_.features[i];
      const std::string path = "feature[" + std::to_string(i) + "]";
      if (!names.insert(feature.name).second) {
        report(path + ".name", "is the name of another feature too");
      }
      const std::string& table = feature.table.empty() ? feature.name : feature.table;
      if (std::find(tables.begin(), tables.end(), table) != tables.end()) continue;
      const auto closest = closest_name(table, tables);
      const std::string hint = closest ? "; did you mean " + string_literal(*closest) + "?" : "";
      if (feature.table.empty()) {
        report(path, "has no table, and there is none of its name " + string_literal(table) +
                         ": add table = ..." + hint);
      } else {
        report(path + ".table",
               "is " + string_literal(table) + ", and there is no such table" + hint);
      }
    }
  }

  void check_learning() {
    const auto multiple_of_four = [&](const std::string& key, std::uint32_t value) {
      if (value % 4 == 0) return;
      report(key, "is " + std::to_string(value) + ", must be a multiple of 4");
    };
    multiple_of_four("learning.co_access_dimension", config_.learning.co_access_dimension);
    multiple_of_four("learning.factors", config_.learning.factors);
  }

  void check_topics() {
    const KafkaSource& kafka = config_.source.kafka;
    const std::vector<EventTopic> topics = kafka.event_topics();
    const bool listed = topics.size() > 1 || topics.front().label || !kafka.topics.empty();
    if (listed && kafka.topic != KafkaSource().topic) {
      report("source.kafka.topic", "is " + string_literal(kafka.topic) +
                                       ", which is not read beside lists of topics: name it in "
                                       "one of them");
    }
    std::set<std::string_view> names;
    for (const EventTopic& topic : topics) {
      if (names.insert(topic.name).second) continue;
      report("source.kafka", "names the topic " + string_literal(topic.name) + " twice");
    }
  }

  void check_source() {
    check_topics();
    const std::string& separator = config_.source.file.multi_value_separator;
    if (separator.size() > 1) {
      report("source.file.multi_value_separator",
             "is " + string_literal(separator) + ", must be one character, or empty");
    }
    const std::string& between = config_.source.file.separator;
    if (between.size() > 1 || between == "\n" || between == "\"") {
      report("source.file.separator", "is " + string_literal(between) +
                                          ", must be one character that is neither a quote nor a "
                                          "line end, or empty");
    }
    if (!separator.empty() && separator == between) {
      report("source.file.multi_value_separator", "must not be source.file.separator, too");
    }
    if (separator == "\t" || separator == "\n") {
      report("source.file.multi_value_separator", "must not be what ends a field or a line");
    }
  }

  // What [source.decode] needs and excludes, and its paths.
  void check_decode() {
    const Decode& decode = config_.source.decode;
    const auto needs = [&](bool wrong, const char* key, const std::string& what) {
      if (wrong) report(std::string("source.decode.") + key, what);
    };
    const RecordFormat format = record_format(config_);
    const bool registry = !decode.schema_registry.empty();
    const bool confluent = decode.framing == Framing::kConfluent;
    const bool kafka = config_.source.kind == SourceKind::kKafka;
    needs(registry && !confluent, "framing",
          "must be \"confluent\" where there is a schema_registry: messages then begin with the "
          "number of their schema");
    needs(registry && !kafka, "schema_registry", "concerns messages of Kafka; a log has none");
    needs(confluent && !kafka, "framing", "concerns messages of Kafka; a log has none");
    needs(format == RecordFormat::kAvro && !registry && decode.schema_file.empty(), "format",
          "is \"avro\": that needs a schema_registry or a schema_file");
    needs(format == RecordFormat::kAvro && !kafka, "format",
          "is \"avro\", which a log cannot be: convert it with \"python -m remap.convert\"");
    needs(format == RecordFormat::kProtobuf && !registry && decode.descriptor_set.empty(), "format",
          "is \"protobuf\": that needs a schema_registry or a descriptor_set");
    needs(!decode.schema_file.empty() && format != RecordFormat::kAvro, "schema_file",
          "concerns format \"avro\" only");
    needs(!decode.descriptor_set.empty() && format != RecordFormat::kProtobuf, "descriptor_set",
          "concerns format \"protobuf\" only");
    needs(registry && (!decode.schema_file.empty() || !decode.descriptor_set.empty()),
          "schema_registry", "must be empty where schema_file or descriptor_set is given");
    needs(!decode.message.empty() && decode.descriptor_set.empty(), "message",
          "concerns a descriptor_set, and there is none");
    needs(!decode.label_true.empty() && decode.label.empty(), "label_true",
          "says which values of the label count as 1, but label, its path, is empty");
    if (format == RecordFormat::kAccessBatch) {
      needs(asks_for_layout(config_), "format",
            "is \"access_batch\", whose layout is fixed: paths, label_true and sample_per need "
            "another");
      return;
    }
    pipeline::FeatureSchema schema;
    {
      std::vector<pipeline::Feature> features;
      for (const Feature& feature : config_.features) features.push_back({feature.name, {}});
      schema = pipeline::FeatureSchema(std::move(features));
    }
    if (auto paths = decode::SampleBuilder::create(record_layout(config_), schema); !paths) {
      // "source.decode.label: is ...".
      const std::string& message = paths.error().message;
      const std::size_t colon = message.find(": ");
      report(message.substr(0, colon), message.substr(colon + 2));
    }
  }

  void check_admin() {
    const Admin& admin = config_.admin;
    if (admin.tls_certificate_file.empty() != admin.tls_key_file.empty()) {
      const bool key_missing = admin.tls_key_file.empty();
      report(key_missing ? "admin.tls_key_file" : "admin.tls_certificate_file",
             std::string("is empty, but ") +
                 (key_missing ? "tls_certificate_file" : "tls_key_file") +
                 " is not: give both, or neither");
    }
    if (admin.listen.empty()) return;
    const auto listen = parse_listen(admin.listen);
    if (!listen) return report("admin.listen", listen.error().message);
    const bool tls = !admin.tls_certificate_file.empty() && !admin.tls_key_file.empty();
    if (!listen->local && (!tls || admin.token_file.empty())) {
      report(
          "admin.listen",
          "is " + string_literal(admin.listen) +
              ", which can be reached from elsewhere: that needs TLS (tls_certificate_file and "
              "tls_key_file) and a token (token_file); or listen on a loopback address or a unix "
              "socket");
    }
    if (!listen->unix_path.empty() && tls) {
      report("admin.tls_certificate_file", "must be empty where admin.listen is a unix socket");
    }
  }

  void report(const std::string& key, std::string message) {
    // A key that is not written stands, for the reader of the message, at its section.
    auto place = places_.find(key);
    const std::size_t dot = key.rfind('.');
    if (place == places_.end() && dot != std::string::npos)
      place = places_.find(key.substr(0, dot));
    if (place == places_.end()) {
      problems_.push_back({file_, 0, 0, key, std::move(message)});
    } else {
      problems_.push_back(
          {place->second.file, place->second.line, place->second.column, key, std::move(message)});
    }
  }

  const Config& config_;
  const Places& places_;
  const std::string& file_;
  std::vector<Problem> problems_;
};

}  // namespace

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Result<ListenAddress> parse_listen(std::string_view listen) {
  constexpr std::string_view kUnix = "unix:";
  ListenAddress address;
  if (listen.starts_with(kUnix)) {
    address.unix_path = listen.substr(kUnix.size());
    address.local = true;
    if (address.unix_path.starts_with('/') &&
        address.unix_path.size() < sizeof(sockaddr_un::sun_path)) {
      return address;
    }
    return fail(ErrorCode::kConfig, "is " + string_literal(listen) +
                                        ", must be unix: and an absolute path of at most " +
                                        std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                        " characters");
  }
  const std::size_t colon = listen.rfind(':');
  if (colon != std::string_view::npos) {
    const std::string_view port = listen.substr(colon + 1);
    std::string_view host = listen.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error == std::errc{} && end == port.data() + port.size() && !host.empty()) {
      address.host = host;
    }
  }
  if (address.host.empty()) {
    return fail(ErrorCode::kConfig, "is " + string_literal(listen) +
                                        ", must be an address and a port, as in 127.0.0.1:9643, or "
                                        "a unix socket, as in unix:/run/remapd/admin.sock");
  }
  address.local = is_loopback(address.host);
  return address;
}

std::vector<Problem> check_config(const Config& config, const Places& places,
                                  const std::string& file) {
  return Checker(config, places, file).run();
}

}  // namespace remapd::config
