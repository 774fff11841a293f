#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/decode/field_path.h"
#include "connectors/decode/framing.h"
#include "connectors/decode/record_printer.h"
#include "connectors/files/frame_reader.h"
#include "connectors/files/input_stream.h"
#include "connectors/files/line_reader.h"
#include "connectors/files/log_format.h"
#include "connectors/files/log_paths.h"
#include "connectors/files/row_reader.h"
#include "connectors/files/tsv_decoder.h"
#include "connectors/kafka/topic_sample.h"
#include "connectors/proto/json_text.h"
#include "core/fields/text.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/application/log_options.h"
#include "daemon/cli/command.h"
#include "daemon/cli/distinct_ids.h"
#include "daemon/cli/event_survey.h"
#include "daemon/cli/format.h"
#include "daemon/cli/log_feed.h"
#include "daemon/cli/text_table.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/config_text.h"
#include "daemon/config/key.h"
#include "daemon/config/record_layout.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {
namespace {

constexpr std::uint64_t kRecords = 10'000;
constexpr std::uint64_t kCountedSamples = 2'000'000;  // to count ids in
constexpr double kShare = 0.1;                        // rows for the ids
constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20;
constexpr std::chrono::seconds kPatience{10};

// A text of one or more objects into the survey.
void add_json(std::string_view text, EventSurvey& survey) {
  proto::for_each_json_record(text, [&](const proto::JsonRecord& record) {
    const auto json =
        nlohmann::ordered_json::parse(record.text, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) {
      survey.add(json);
    } else {
      survey.reject(json.is_discarded() ? "no JSON" : "JSON, but no object");
    }
  });
}

class InspectEventsCommand final : public Command {
 public:
  Result<void> run(Console& console) override {
    if (log.empty() == topic.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  "say what to look at: --events FILE or --topic NAME");
    }
    config::Config config;
    if (!config_path.empty()) {
      auto loaded = config::load_config(config_path);
      if (!loaded) return fail(std::move(loaded).error());
      config.kafka = loaded->kafka;
      config.source = loaded->source;
    }
    if (!brokers.empty()) config.kafka.brokers = brokers;
    use_schemas(config);
    auto printer = decode::RecordPrinter::create(config::decode_options(config));
    if (!printer) return fail(std::move(printer).error());
    printer_ = std::move(*printer);
    auto read = topic.empty() ? read_log(config) : read_topic(config);
    if (!read) return read;
    if (survey_.records() == 0) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("no record of {} can be read{}", source(), rejects_in_words()));
    }
    const Guess guess = survey_.guess();
    print_fields(guess, console);
    return print_config(guess, config, console);
  }

  std::string log;
  std::string topic;
  std::string brokers;
  std::string config_path;
  config::Decode schemas;  // from the command line, over those of the configuration
  std::uint64_t at_most = kRecords;

 private:
  const std::string& source() const { return log.empty() ? topic : log; }

  // What is known of the records before they are looked at.
  void use_schemas(config::Config& config) const {
    config::Decode& decode = config.source.decode;
    const bool given = !schemas.schema_registry.empty() || !schemas.schema_file.empty() ||
                       !schemas.descriptor_set.empty();
    if (given) {
      decode.schema_registry = schemas.schema_registry;
      decode.schema_file = schemas.schema_file;
      decode.descriptor_set = schemas.descriptor_set;
      decode.message = schemas.message;
      decode.format = config::RecordFormat::kAuto;
    }
    if (!decode.schema_registry.empty()) decode.framing = config::Framing::kConfluent;
    // The layout is what is to be found out.
    decode.label.clear();
    decode.label_true.clear();
    decode.time.clear();
    decode.weight.clear();
    decode.sample_per.clear();
  }

  Result<void> read_log(const config::Config& config) {
    auto paths = files::log_paths(log);
    if (!paths) return fail(std::move(paths).error());
    for (const std::filesystem::path& path : *paths) {
      if (survey_.records() >= at_most) break;
      const auto format = files::detect_format(path);
      if (!format) return fail(format.error());
      auto stream = files::InputStream::open(path);
      if (!stream) return fail(stream.error());
      columns_ = files::has_columns(*format);
      auto read = columns_ ? read_rows(std::move(*stream), *format)
                  : *format == files::LogFormat::kProtobuf
                      ? read_messages(std::move(*stream), config)
                      : read_lines(std::move(*stream));
      if (!read) return read;
    }
    return {};
  }

  Result<void> read_lines(std::unique_ptr<files::InputStream> stream) {
    files::LineReader lines(std::move(stream), kMaxRecordBytes);
    while (survey_.records() < at_most) {
      std::string_view line;
      const auto outcome = lines.next(line);
      if (!outcome) return fail(outcome.error());
      if (*outcome == files::LineReader::Outcome::kEnd) break;
      if (*outcome == files::LineReader::Outcome::kTooLong) {
        survey_.reject("longer than 16 MiB");
      } else {
        add_json(line, survey_);
      }
    }
    return {};
  }

  Result<void> read_rows(std::unique_ptr<files::InputStream> stream, files::LogFormat format) {
    using Outcome = files::LineReader::Outcome;
    delimiter_ = format == files::LogFormat::kCsv ? ',' : '\t';
    files::LineReader lines(std::move(stream), kMaxRecordBytes);
    std::string_view header;
    const auto first = lines.next(header);
    if (!first) return fail(first.error());
    if (*first != Outcome::kLine) {
      return fail(ErrorCode::kCorrupt, log + ": its first line must name the columns");
    }
    if (header.starts_with("\xef\xbb\xbf")) header.remove_prefix(3);
    const std::vector<std::string> names = choose_delimiter(header);
    const bool numbers = std::all_of(names.begin(), names.end(), [](const std::string& name) {
      return fields::number_of_text(name).has_value();
    });
    if (numbers) {
      return fail(
          ErrorCode::kCorrupt,
          fmt::format("{}: its first line must name the columns, and is \"{}\": is the header "
                      "line missing?",
                      log, header.substr(0, 200)));
    }
    files::RowReader rows(std::move(lines), kMaxRecordBytes, delimiter_);
    while (survey_.records() < at_most) {
      std::string_view row;
      const auto outcome = rows.next(row);
      if (!outcome) return fail(outcome.error());
      if (*outcome == Outcome::kEnd) break;
      if (row.empty()) continue;
      if (*outcome == Outcome::kTooLong) {
        survey_.reject("longer than 16 MiB");
        continue;
      }
      const std::vector<std::string> cells = files::split_row(row, delimiter_);
      if (cells.size() == names.size()) {
        survey_.add_row(names, {cells.begin(), cells.end()});
      } else {
        survey_.reject("another number of fields than the header names");
      }
    }
    return {};
  }

  Result<void> read_messages(std::unique_ptr<files::InputStream> stream,
                             const config::Config& config) {
    if (config.source.decode.descriptor_set.empty()) {
      return fail(ErrorCode::kUnsupported,
                  log +
                      ": messages of protobuf do not name their fields: give the descriptor set "
                      "with --descriptor-set (docs/events.md). A log of remapd's own messages "
                      "needs no configuration for its records");
    }
    files::FrameReader frames(std::move(stream), kMaxRecordBytes);
    while (survey_.records() < at_most) {
      ByteView frame;
      const auto outcome = frames.next(frame);
      if (!outcome) return fail(outcome.error());
      if (*outcome == files::FrameReader::Outcome::kEnd) break;
      if (*outcome == files::FrameReader::Outcome::kFrame) {
        (void)add_message(frame);
      } else {
        survey_.reject("longer than 16 MiB, or cut off");
      }
    }
    return {};
  }

  // A message in the format of the configuration. An error is the registry's.
  Result<void> add_message(ByteView message) {
    const auto text = printer_->print(message);
    if (text) {
      add_json(*text, survey_);
    } else if (text.error().retryable) {
      return fail(text.error());
    } else {
      survey_.reject(text.error().message);
    }
    return {};
  }

  // Of a .csv or .txt the separator may be another than its name says.
  std::vector<std::string> choose_delimiter(std::string_view header) {
    std::vector<std::string> names = files::split_row(header, delimiter_);
    for (const char other : {';', ',', '|', '\t'}) {
      if (names.size() > 1) break;
      auto split = files::split_row(header, other);
      if (split.size() < 2) continue;
      names = std::move(split);
      separator_ = std::string(1, other);
      delimiter_ = other;
    }
    return names;
  }

  Result<void> read_topic(const config::Config& config) {
    logging::Logger quiet({.level = config::LogLevel::kError});
    kafka::KafkaSettings settings = application::kafka_settings(
        config, "source.kafka.properties", config.source.kafka.properties, quiet);
    settings.log = {};
    const config::Decode& decode = config.source.decode;
    const bool schema = !decode.schema_registry.empty() || !decode.schema_file.empty() ||
                        !decode.descriptor_set.empty();
    std::optional<Error> trouble;  // of the registry
    auto read = kafka::sample_topic(settings, topic, at_most, kPatience,
                                    [&](const kafka::LogRecord& record) {
                                      if (!record.value)
                                        return survey_.reject("a message without a value");
                                      if (!schema) return add_unknown(*record.value);
                                      if (trouble) return;
                                      if (auto added = add_message(*record.value); !added)
                                        trouble = std::move(added).error();
                                    });
    if (trouble) return fail(std::move(*trouble));
    return read;
  }

  // A message whose format nobody has said.
  void add_unknown(ByteView body) {
    if (const auto framed = decode::unframe(body); framed && framed->schema > 0) {
      framed_ = true;
      body = framed->body;
    }
    if (proto::begins_like_json(as_text(body))) return add_json(as_text(body), survey_);
    survey_.reject(framed_ ? "a record of a schema registry that is no JSON" : "no JSON");
  }

  std::string rejects_in_words() const {
    std::string out;
    for (const auto& [reason, n] : survey_.rejects()) {
      out += fmt::format("{} {} ({})", out.empty() ? ":" : ",", reason, format_count(n));
    }
    if (survey_.records() > 0) return out;
    if (topic.empty() && !columns_) {
      out += fmt::format(
          "; a log of JSON has an object a line: of one list, \"jq -c .[] {}\" makes "
          "such a log",
          log);
    }
    if (framed_) {
      out +=
          "; they begin as messages of a schema registry do: give its URL with "
          "--schema-registry";
    } else if (!topic.empty()) {
      out +=
          "; for Avro give the schema with --schema-file, for protobuf with --descriptor-set, "
          "or a registry with --schema-registry";
    }
    return out;
  }

  void print_fields(const Guess& guess, Console& console) const {
    const auto comment = [&](const std::string& text) { console.out << "# " << text << "\n"; };
    comment(fmt::format("{}: {} read{}", source(), count_of(survey_.records(), "record"),
                        rejects_in_words()));
    using Align = TextTable::Align;
    TextTable table({{"field", Align::kLeft},
                     {"type", Align::kLeft},
                     {"records"},
                     {"distinct"},
                     {"most frequent", Align::kLeft}});
    for (const FieldFacts& facts : survey_.fields()) {
      std::string frequent;
      for (const auto& [value, n] : facts.frequent(3)) {
        frequent += fmt::format("{}{} ({})", frequent.empty() ? "" : ", ", value.substr(0, 24), n);
      }
      const bool full = facts.counts.size() == EventSurvey::kMaxDistinct;
      table.add_row({facts.path, facts.type(), format_count(facts.records),
                     format_count(facts.counts.size()) + (full ? "+" : ""), frequent});
    }
    std::istringstream lines(table.to_string());
    for (std::string line; std::getline(lines, line);) comment(line);
    for (const std::string& remark : guess.remarks) comment(remark);
    if (guess.label.empty()) comment("no label found: ids are compared by co-access");
    if (guess.time.empty()) comment("no event time found");
  }

  // Tables of a tenth of the ids that the configuration reads: the first kCountedSamples samples
  // are read with it, which also shows whether it reads them.
  Result<void> print_config(const Guess& guess, const config::Config& from,
                            Console& console) const {
    if (guess.ids.empty()) {
      return fail(ErrorCode::kCorrupt, "no field looks like one of ids: choose among those above");
    }
    std::vector<DistinctIds> ids(guess.ids.size());
    auto config = config::parse_config(config_text(guess, from, ids), "the configuration below");
    if (!config) return fail(ErrorCode::kConfig, config::to_string(config.error().front()));
    std::vector<pipeline::Feature> features;
    for (const config::Feature& feature : config->features) features.push_back({feature.name, {}});
    config->kafka = from.kafka;
    const auto counts = feed_events(
        {}, *config, application::log_options(*config), pipeline::FeatureSchema(features),
        "counting ids of", console,
        [&](const pipeline::EventBatch& batch) {
          for (std::uint32_t f = 0; f < ids.size(); ++f) {
            for (const Id id : batch.values(FeatureIndex{f})) ids[f].add(id);
          }
        },
        kCountedSamples);
    if (!counts) return fail(counts.error());
    console.out << fmt::format(
        "# read with the configuration below: {}, {} refused{}\n",
        count_of(counts->samples, "sample"), format_count(counts->rejected),
        counts->samples < kCountedSamples ? "" : " (the first; there are more)");
    for (const std::string& note : counts->reject_notes) console.out << "#   " << note << "\n";
    console.out << config_text(guess, from, ids)
                << "\n# Next: remapd compare --config FILE, remapd run --config FILE\n";
    return {};
  }

  std::string config_text(const Guess& guess, const config::Config& from,
                          const std::vector<DistinctIds>& distinct) const {
    const auto text = [](const std::string& value) { return config::string_literal(value); };
    std::string out = "\n[source]\n";
    if (topic.empty()) {
      out += fmt::format("kind = \"file\"\n\n[source.file]\npath = {}\n",
                         text(std::filesystem::absolute(log).string()));
      if (!separator_.empty()) out += fmt::format("separator = {}\n", text(separator_));
      if (guess.list_separator != 0) {
        out += fmt::format("multi_value_separator = {}\n", text({guess.list_separator}));
      }
    } else {
      out += fmt::format("kind = \"kafka\"\n\n[source.kafka]\ntopic = {}\n", text(topic));
      out += fmt::format("\n[kafka]\nbrokers = {}\n", text(from.kafka.brokers));
      out += properties("kafka.properties", from.kafka.properties);
      out += properties("kafka.secret_files", from.kafka.secret_files);
    }
    out += "\n[source.decode]\n";
    out += layout_keys(from.source.decode);
    if (!guess.label.empty()) out += fmt::format("label = {}\n", text(guess.label));
    if (!guess.label_true.empty()) {
      out += fmt::format("label_true = {}\n", config::list_literal(guess.label_true));
    }
    if (!guess.time.empty()) out += fmt::format("time = {}\n", text(guess.time));
    if (!guess.sample_per.empty()) out += fmt::format("sample_per = {}\n", text(guess.sample_per));
    for (std::size_t i = 0; i < guess.ids.size(); ++i) {
      const Guess::Ids& ids = guess.ids[i];
      out +=
          fmt::format("\n[[table]]\nname = {}\nrows = {}    # {} {} ids\n", text(ids.name),
                      distinct[i].rows(kShare), distinct[i].few() ? "a row for each of" : "10 % of",
                      format_count(static_cast<std::uint64_t>(distinct[i].count())));
      out += fmt::format("\n[[feature]]\nname = {}\n", text(ids.name));
      if (ids.path != decode::path_of_name(ids.name)) {
        out += fmt::format("path = {}\n", text(ids.path));
      }
      if (!ids.ignore.empty()) {
        out += fmt::format("ignore = {}\n", config::list_literal(ids.ignore));
      }
    }
    return out;
  }

  static std::string properties(std::string_view section, const config::Properties& values) {
    if (values.empty()) return {};
    std::string out = fmt::format("\n[{}]\n", section);
    for (const auto& [name, value] : values) {
      out += fmt::format("{} = {}\n", config::string_literal(name), config::string_literal(value));
    }
    return out;
  }

  // The format, and where its schemas are.
  std::string layout_keys(const config::Decode& decode) const {
    std::string out;
    const auto add = [&](std::string_view key, const std::string& value) {
      if (!value.empty()) out += fmt::format("{} = {}\n", key, config::string_literal(value));
    };
    if (columns_) return out;
    const bool schema_file = !decode.schema_file.empty() || !decode.descriptor_set.empty();
    if (decode.schema_registry.empty() && !schema_file) add("format", "json");
    if (framed_ || decode.framing == config::Framing::kConfluent) add("framing", "confluent");
    add("schema_registry", decode.schema_registry);
    add("registry_user", decode.registry_user);
    add("registry_password_file", decode.registry_password_file);
    add("registry_ca_file", decode.registry_ca_file);
    add("schema_file", decode.schema_file);
    add("descriptor_set", decode.descriptor_set);
    add("message", decode.message);
    return out;
  }

  EventSurvey survey_;
  std::unique_ptr<decode::RecordPrinter> printer_;
  bool columns_ = false;
  bool framed_ = false;
  char delimiter_ = '\t';
  std::string separator_;
};

}  // namespace

AddedCommand add_inspect_events(CLI::App& parent) {
  auto command = std::make_unique<InspectEventsCommand>();
  CLI::App* const app = parent.add_subcommand(
      "inspect-events", "Look at your own events and write a configuration that reads them");
  app->add_option("--events", command->log,
                  "A log: .ndjson, .csv, .tsv, .txt or .binpb, plain, gzip or zstd; a directory of "
                  "them, or a pattern in quotes");
  app->add_option("--topic", command->topic, "A Kafka topic");
  app->add_option("--brokers", command->brokers, "Bootstrap brokers, host:port");
  app->add_option("-c,--config", command->config_path,
                  "A configuration whose [kafka] and [source.decode] say how to connect, to the "
                  "brokers and to the schema registry");
  app->add_option("--schema-registry", command->schemas.schema_registry,
                  "URL of the registry that holds the records' schemas");
  app->add_option("--schema-file", command->schemas.schema_file,
                  "The schema of Avro records (.avsc), where there is no registry");
  app->add_option("--descriptor-set", command->schemas.descriptor_set,
                  "The schema of protobuf messages, as protoc --include_imports "
                  "--descriptor_set_out=FILE writes it");
  app->add_option("--message", command->schemas.message,
                  "The message of the descriptor set; default: the only one it has");
  app->add_option("--records", command->at_most,
                  "Records to look at: the first of a log, the oldest of each partition of a topic")
      ->capture_default_str();
  app->footer(
      "Prints what the fields hold, which of them are taken for label, time and ids, and why, as\n"
      "comments, and below a configuration that check-config accepts. With it the first two "
      "million\n"
      "samples are read; row budgets are 10 % of the ids in them: set them to what your tables\n"
      "should have.\n"
      "\n"
      "Examples:\n"
      "  remapd inspect-events --events clicks.ndjson.gz > remapd.toml\n"
      "  remapd inspect-events --topic shop.clicks --brokers kafka-1:9092 > remapd.toml\n"
      "  remapd inspect-events --topic ads.shown --brokers kafka-1:9092 \\\n"
      "      --schema-registry http://registry:8081 > remapd.toml");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
