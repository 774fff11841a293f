#include <chrono>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "connectors/files/event_generator.h"
#include "connectors/files/log_writer.h"
#include "connectors/kafka/kafka_event_producer.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/cli/command.h"
#include "daemon/cli/format.h"
#include "daemon/cli/log_feed.h"
#include "daemon/cli/progress.h"
#include "daemon/config/config_loader.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {
namespace {

using files::GeneratorConfig;

constexpr std::chrono::seconds kTopicPatience{5};
constexpr std::chrono::milliseconds kTopicRetry{250};

// Where events go: a log, or a topic.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Result<void> write(const pipeline::EventBatch& batch) = 0;
  virtual Result<void> close() = 0;
};

class LogSink final : public EventSink {
 public:
  explicit LogSink(std::unique_ptr<files::LogFileWriter> writer) : writer_(std::move(writer)) {}
  Result<void> write(const pipeline::EventBatch& batch) override { return writer_->write(batch); }
  Result<void> close() override { return writer_->close(); }

 private:
  std::unique_ptr<files::LogFileWriter> writer_;
};

class TopicSink final : public EventSink {
 public:
  TopicSink(std::unique_ptr<kafka::KafkaEventProducer> producer, pipeline::FeatureSchema schema)
      : producer_(std::move(producer)), schema_(std::move(schema)) {}
  Result<void> write(const pipeline::EventBatch& batch) override {
    return producer_->send(batch, schema_);
  }
  Result<void> close() override { return producer_->flush(); }

 private:
  std::unique_ptr<kafka::KafkaEventProducer> producer_;
  pipeline::FeatureSchema schema_;
};

class GenerateCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    if (out.empty() == topic.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "say where the events go: --out FILE or --topic TOPIC (one of them)");
    }
    if (events.empty() != features.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "--events and --features go together: the log to send, and which of its columns");
    }
    logging::Logger log({.level = config::LogLevel::kWarning});
    return events.empty() ? generate(log, console) : replay(log, console);
  }

  std::string out;
  std::string topic;
  std::string brokers = "localhost:9092";
  std::string config_path;
  std::vector<std::string> properties;
  double rate = 0;
  std::uint64_t samples = 1'000'000;
  std::vector<std::string> events;
  std::vector<std::string> features;
  GeneratorConfig generator;

 private:
  Result<void> generate(logging::Logger& log, Console& console) {
    auto source = files::EventGenerator::create(generator);
    if (!source) {
      // Settings of the generator are flags here.
      Error error = std::move(source).error();
      error.code = ErrorCode::kInvalidArgument;
      return fail(std::move(error));
    }
    auto sink = open(source->schema(), log);
    if (!sink) return fail(std::move(sink).error());
    Progress progress(console, "generating");
    pipeline::EventBatch batch;
    while (source->samples() < samples) {
      source->next(batch);
      if (auto written = (*sink)->write(batch); !written) return written;
      if (!progress.due()) continue;
      progress.update(static_cast<double>(source->samples()) / static_cast<double>(samples),
                      format_count(source->samples()) + " samples");
    }
    if (auto closed = (*sink)->close(); !closed) return closed;
    tell(source->samples(), source->schema(), console);
    return {};
  }

  Result<void> replay(logging::Logger& log, Console& console) {
    std::vector<pipeline::Feature> columns;
    for (const std::string& name : features) columns.push_back({name, TableIndex{0}});
    const pipeline::FeatureSchema schema(std::move(columns));
    auto sink = open(schema, log);
    if (!sink) return fail(std::move(sink).error());
    files::LogFileOptions options;
    options.batch_samples = generator.samples_per_message;
    Result<void> written;
    const auto read = feed_logs(events, options, schema, "sending", console,
                                [&](const pipeline::EventBatch& batch) {
                                  if (written) written = (*sink)->write(batch);
                                });
    if (!read) return fail(read.error());
    if (!written) return written;
    if (auto closed = (*sink)->close(); !closed) return closed;
    tell(read->samples, schema, console);
    for (const std::string& note : read->reject_notes) {
      console.err << "remapd generate: left out " << note << "\n";
    }
    return {};
  }

  Result<std::unique_ptr<EventSink>> open(const pipeline::FeatureSchema& schema,
                                          logging::Logger& log) const {
    if (!out.empty()) {
      auto writer = files::LogFileWriter::create({.path = out}, schema);
      if (!writer) {
        // A name that tells no format is the caller's to change.
        Error error = std::move(writer).error();
        if (error.code == ErrorCode::kConfig) error.code = ErrorCode::kInvalidArgument;
        return fail(std::move(error).with_context("--out"));
      }
      return std::make_unique<LogSink>(std::move(*writer));
    }
    auto config = kafka_config();
    if (!config) return fail(std::move(config).error());
    kafka::KafkaEventProducerOptions options;
    options.settings = application::kafka_settings(*config, "", {}, log);
    options.topic = topic;
    options.producer = "remapd-generate";
    options.messages_per_second = rate / generator.samples_per_message;
    auto producer = kafka::KafkaEventProducer::create(options);
    // A topic that was created a moment ago is not known to every broker yet.
    const auto patience = std::chrono::steady_clock::now() + kTopicPatience;
    while (!producer && producer.error().retryable && std::chrono::steady_clock::now() < patience) {
      std::this_thread::sleep_for(kTopicRetry);
      producer = kafka::KafkaEventProducer::create(options);
    }
    if (!producer) return fail(std::move(producer).error());
    return std::make_unique<TopicSink>(std::move(*producer), schema);
  }

  Result<config::Config> kafka_config() const {
    config::Config config;
    if (!config_path.empty()) {
      auto loaded = config::load_config(config_path);
      if (!loaded) return loaded;
      config = std::move(*loaded);
    } else {
      config.kafka.brokers = brokers;
    }
    for (const std::string& property : properties) {
      const std::size_t at = property.find('=');
      if (at == std::string::npos || at == 0) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--property: \"{}\" must be NAME=VALUE", property));
      }
      config.kafka.properties[property.substr(0, at)] = property.substr(at + 1);
    }
    return config;
  }

  void tell(std::uint64_t written, const pipeline::FeatureSchema& schema, Console& console) const {
    std::string names;
    for (const pipeline::Feature& feature : schema.features()) {
      names += (names.empty() ? "" : ", ") + feature.name;
    }
    console.out << fmt::format("{} of {} written to {}\n", count_of(written, "sample"), names,
                               out.empty() ? "topic " + topic : out);
  }
};

}  // namespace

AddedCommand add_generate(CLI::App& parent) {
  auto command = std::make_unique<GenerateCommand>();
  CLI::App* const app = parent.add_subcommand(
      "generate", "Make synthetic access events, or send a recorded log to Kafka");
  app->add_option("-o,--out", command->out,
                  "Write a log; its name gives the format: .tsv, .ndjson or .binpb, also with .gz");
  app->add_option("--topic", command->topic, "Send to a Kafka topic");
  app->add_option("--brokers", command->brokers, "Bootstrap brokers, host:port")
      ->capture_default_str();
  app->add_option("-c,--config", command->config_path,
                  "A configuration file of the daemon: brokers, properties and secrets of [kafka]")
      ->excludes(app->get_option("--brokers"));
  app->add_option("--property", command->properties,
                  "A property of librdkafka, NAME=VALUE; may be repeated");
  app->add_option("--rate", command->rate, "Samples a second, with --topic; 0: as fast as possible")
      ->check(CLI::NonNegativeNumber);
  app->add_option("-n,--samples", command->samples, "How many to make (rounded up to messages)")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()));
  app->add_option("--events", command->events, "Send these recorded logs instead of making events");
  app->add_option("--features", command->features, "With --events: the columns to send")
      ->delimiter(',');
  GeneratorConfig& generator = command->generator;
  const auto setting = [&](const char* name, auto& value, const char* meaning) {
    app->add_option(name, value, meaning)->capture_default_str()->group("What is made");
  };
  setting("--seed", generator.seed, "The same seed and settings give the same samples");
  setting("--samples-per-message", generator.samples_per_message, "Samples in a message");
  setting("--users", generator.users, "Users");
  setting("--items", generator.items, "Items at any moment");
  setting("--categories", generator.categories, "Categories");
  setting("--communities", generator.communities, "Groups of users and items that belong together");
  setting("--in-community", generator.in_community, "Share of samples inside one community");
  setting("--user-zipf", generator.user_zipf, "How uneven users are: exponent of Zipf's law");
  setting("--item-zipf", generator.item_zipf, "How uneven items are");
  setting("--drift-samples", generator.drift_samples,
          "Popularity moves on by a place every so many samples; 0: never");
  setting("--new-item-rate", generator.new_item_rate, "Share of samples with a brand-new item");
  setting("--base-rate", generator.base_rate, "Mean label");
  setting("--signal", generator.signal, "How much ids decide the label");
  setting("--label-noise", generator.label_noise, "How much chance does");
  app->footer(
      "Features user, item and category, and a label: users and items belong to communities, so "
      "ids\n"
      "that behave alike exist to be found. Popularity drifts and new items appear.\n"
      "\n"
      "Examples:\n"
      "  remapd generate --out events.tsv.gz --samples 500000\n"
      "  remapd generate --topic remap.events --brokers kafka:9092 --rate 2000 --samples 10000000\n"
      "  remapd generate --events clicks.tsv.gz --features user_id,item_id --topic remap.events");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
