// What the daemon is told: the typed form of its TOML file.
//
// A default-constructed Config holds every default; config_schema() (config_schema.h) gives each
// member its key, bounds and meaning, and load_config() fills it. Paths are as written: relative
// ones are relative to the working directory. A value; secrets are never in it, only the paths of
// the files that hold them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mapping/strategy.h"
#include "core/pipeline/engine_config.h"
#include "core/pipeline/publish_schedule.h"
#include "daemon/config/literal.h"

namespace remapd::config {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// librdkafka's names to values, or (secret files) to paths.
using Properties = std::map<std::string, std::string, std::less<>>;

enum class SourceKind : std::uint8_t { kFile, kKafka };
enum class RecordFormat : std::uint8_t { kAuto, kAccessBatch, kJson, kAvro, kProtobuf };
enum class Framing : std::uint8_t { kNone, kConfluent };
enum class AtEnd : std::uint8_t { kStop, kWait };
enum class LogFileFormat : std::uint8_t { kAuto, kTsv, kCsv, kNdjson, kProtobuf };
enum class Labels : std::uint8_t { kIfPresent, kRequired, kIgnore };
enum class StartAt : std::uint8_t { kEarliest, kLatest };
enum class OutOfRange : std::uint8_t { kEarliest, kLatest, kStop };
enum class SinkKind : std::uint8_t { kDirectory, kKafka };
enum class DeadLetterKind : std::uint8_t { kFile, kKafka, kNone };
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

struct Instance {
  std::string name = "remapd";
  milliseconds stop_timeout = 60s;
};

struct FileSource {
  std::string path = "events.tsv.gz";
  LogFileFormat format = LogFileFormat::kAuto;
  Labels labels = Labels::kIfPresent;
  std::string label_column = "label";
  std::string timestamp_column = "timestamp";
  std::string multi_value_separator;
  std::string separator;  // empty: a tab or a comma, as the format says
  std::uint64_t batch_samples = 1024;
  std::uint64_t max_record_bytes = std::uint64_t{16} << 20;
  AtEnd at_end = AtEnd::kStop;
};

// A topic of events and, where its events all have one, their label.
struct EventTopic {
  std::string name;
  std::optional<float> label{};
};

struct KafkaSource {
  std::string topic = "remap.events";        // where none of the lists names one
  std::vector<std::string> topics;           // labels as the events say
  std::vector<std::string> positive_topics;  // every event has label 1
  std::vector<std::string> negative_topics;  // every event has label 0
  std::string group;                         // empty: the instance's name
  StartAt start = StartAt::kEarliest;
  OutOfRange out_of_range = OutOfRange::kEarliest;
  Properties properties;

  // All that are read, in the order of their numbers.
  std::vector<EventTopic> event_topics() const;
  // Where one of them is named: "source.kafka.topics".
  std::string_view key_of(const EventTopic& topic) const;
};

// How records are laid out (connectors/decode).
struct Decode {
  RecordFormat format = RecordFormat::kAuto;
  Framing framing = Framing::kNone;
  std::string schema_registry;  // URL; empty: none
  std::string registry_user;
  std::string registry_password_file;
  std::string registry_ca_file;
  std::string schema_file;
  std::string descriptor_set;
  std::string message;
  std::string label;
  std::vector<Literal> label_true;
  std::string time;
  std::string weight;
  std::string sample_per;
};

struct Source {
  SourceKind kind = SourceKind::kFile;
  Decode decode;
  FileSource file;
  KafkaSource kafka;
};

struct Sink {
  SinkKind kind = SinkKind::kDirectory;
  std::uint32_t retain_versions = 1'000;
  double snapshot_share = 0.5;
  std::string directory_path = "mappings";
  std::string kafka_topic = "remap.mappings";
  std::uint64_t kafka_chunk_bytes = std::uint64_t{512} << 10;
  Properties kafka_properties;
};

struct DeadLetter {
  DeadLetterKind kind = DeadLetterKind::kFile;
  std::string file_path = "dead-letters.ndjson";
  std::uint64_t file_max_bytes = std::uint64_t{64} << 20;
  std::uint32_t file_keep = 4;
  std::string kafka_topic = "remap.dead-letters";
  Properties kafka_properties;
};

struct Kafka {
  std::string brokers = "localhost:9092";
  Properties properties;
  Properties secret_files;
};

struct Learning {
  std::uint32_t co_access_dimension = 64;
  std::uint32_t factors = 8;
  std::uint32_t mini_batch = 64;
  std::uint64_t tick_samples = 100'000;
  std::uint64_t seed = 1;
};

struct Feature {
  std::string name;
  std::string table{};  // empty: the table of the feature's own name
  std::string path{};   // empty: the field of the feature's own name
  std::vector<Literal> ignore{};
};

struct Gates {
  std::uint64_t min_samples = 1'000;
  double max_churn = 1.0;
};

struct Publish {
  std::uint64_t every_samples = pipeline::PublishSchedule::Config().every_samples;
  std::uint64_t first_samples = pipeline::PublishSchedule::Config().first_samples;
  std::uint64_t full_samples = pipeline::PublishSchedule::Config().full_samples;
  double full_samples_per_id = pipeline::PublishSchedule::Config().full_samples_per_id;
  double growth = pipeline::PublishSchedule::Config().growth;
  milliseconds min_interval = 1s;        // not where reading waits for versions; likewise
  double cpu_share = 0.05;               // of the time, for builds of a kind
  milliseconds interval = 0s;            // 0: by samples only
  std::optional<bool> wait_for_publish;  // none: true for a file source, false for Kafka
  Gates gates;
};

struct Checkpoint {
  std::string dir = "checkpoints";  // empty: none are kept
  milliseconds interval = 60s;
  std::uint32_t keep = 3;
};

struct Admin {
  std::string listen = "127.0.0.1:9643";  // empty: no admin HTTP
  std::string token_file;                 // empty: no actions
  std::string tls_certificate_file;       // with the next, or neither
  std::string tls_key_file;
  std::uint32_t max_connections = 256;
  milliseconds header_timeout = 10s;
  std::uint64_t max_body_bytes = std::uint64_t{64} << 10;
  std::uint32_t max_streams = 16;
  std::uint32_t keep_versions = 3;
};

struct Log {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

struct Threads {
  std::uint32_t compute = 0;  // 0: one for each processor
};

struct Config {
  Instance instance;
  Source source;
  Sink sink;
  DeadLetter dead_letter;
  Kafka kafka;
  Learning learning;
  std::vector<pipeline::TableConfig> tables;
  std::vector<Feature> features;
  Publish publish;
  Checkpoint checkpoint;
  Admin admin;
  Log log;
  Threads threads;

  // The engine's share of it. Features of a loaded config feed existing tables; one that does not
  // (a Config filled by hand) is kConfig.
  Result<pipeline::EngineConfig> engine_config() const;

  pipeline::PublishSchedule::Config schedule() const {
    return {.every_samples = publish.every_samples,
            .first_samples = publish.first_samples,
            .full_samples = publish.full_samples,
            .growth = publish.growth,
            .full_samples_per_id = publish.full_samples_per_id};
  }
  bool waits_for_publish() const {
    return publish.wait_for_publish.value_or(source.kind == SourceKind::kFile);
  }
};

// How a choice is written in the file.
std::string_view to_string(SourceKind kind);
std::string_view to_string(SinkKind kind);
std::string_view to_string(DeadLetterKind kind);
std::string_view to_string(AtEnd at_end);
std::string_view to_string(LogLevel level);
std::optional<LogLevel> parse_log_level(std::string_view name);

}  // namespace remapd::config
