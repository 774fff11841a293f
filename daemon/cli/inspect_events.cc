#include <algorithm>
#include <chrono>
#include <filesystem>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/decode/framing.h"
#include "connectors/files/input_stream.h"
#include "connectors/files/line_reader.h"
#include "connectors/files/log_format.h"
#include "connectors/files/tsv_decoder.h"
#include "connectors/kafka/record_log.h"
#include "connectors/proto/json_text.h"
#include "daemon/application/kafka_ports.h"
#include "daemon/cli/command.h"
#include "daemon/cli/event_survey.h"
#include "daemon/cli/format.h"
#include "daemon/cli/text_table.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/config_text.h"
#include "daemon/config/key.h"
#include "daemon/logging/logger.h"

namespace remapd::cli {
namespace {

constexpr std::uint64_t kRecords = 10'000;
constexpr std::size_t kMaxRecordBytes = std::size_t{16} << 20;
constexpr std::chrono::seconds kPatience{10};

// A text of one or more objects into the survey.
void add_json(std::string_view text, EventSurvey& survey) {
  proto::for_each_json_record(text, [&](const proto::JsonRecord& record) {
    const auto json = nlohmann::json::parse(record.text, nullptr, /*allow_exceptions=*/false);
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
    }
    if (!brokers.empty()) config.kafka.brokers = brokers;
    auto read = topic.empty() ? read_log() : read_topic(config);
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
  std::uint64_t at_most = kRecords;

 private:
  const std::string& source() const { return log.empty() ? topic : log; }

  Result<void> read_log() {
    const auto format = files::detect_format(log);
    if (!format) return fail(format.error());
    if (*format == files::LogFormat::kProtobuf) {
      return fail(ErrorCode::kUnsupported,
                  log +
                      ": a log of protobuf messages says nothing of its fields; make a "
                      "descriptor set and name the fields in [source.decode] (docs/events.md)");
    }
    auto stream = files::InputStream::open(log);
    if (!stream) return fail(stream.error());
    files::LineReader lines(std::move(*stream), kMaxRecordBytes);
    delimiter_ = *format == files::LogFormat::kCsv ? ',' : '\t';
    columns_ = files::has_columns(*format);
    std::vector<std::string> names;
    while (survey_.records() < at_most) {
      std::string_view line;
      const auto outcome = lines.next(line);
      if (!outcome) return fail(outcome.error());
      if (*outcome == files::LineReader::Outcome::kEnd) break;
      if (*outcome == files::LineReader::Outcome::kTooLong) {
        survey_.reject("longer than 16 MiB");
      } else if (!columns_) {
        add_json(line, survey_);
      } else if (names.empty()) {
        names = choose_delimiter(line);
      } else if (!line.empty()) {
        const std::vector<std::string> cells = files::split_row(line, delimiter_);
        if (cells.size() == names.size()) {
          survey_.add_row(names, {cells.begin(), cells.end()});
        } else {
          survey_.reject("another number of fields than the header names");
        }
      }
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
    kafka::KafkaSettings settings = application::kafka_settings(config, "", {}, quiet);
    settings.log = {};
    auto reader = kafka::RecordLog::create(settings, topic, kPatience);
    if (!reader) return fail(std::move(reader).error());
    const auto range = (*reader)->range();
    if (!range) return fail(range.error());
    const std::int64_t from =
        std::max(range->low, range->high - static_cast<std::int64_t>(at_most));
    return (*reader)->read(from, range->high, [&](const kafka::LogRecord& record) {
      if (!record.value) return survey_.reject("a message without a value");
      ByteView body = *record.value;
      if (const auto framed = decode::unframe(body); framed && framed->schema > 0) {
        framed_ = true;
        body = framed->body;
      }
      if (proto::begins_like_json(as_text(body))) return add_json(as_text(body), survey_);
      survey_.reject(framed_ ? "a record of a schema registry that is no JSON: Avro or protobuf"
                             : "no JSON");
    });
  }

  std::string rejects_in_words() const {
    std::string out;
    for (const auto& [reason, n] : survey_.rejects()) {
      out += fmt::format("{} {} ({})", out.empty() ? ":" : ",", reason, format_count(n));
    }
    if (framed_) {
      out +=
          "; the paths of such records are the names in their schema: write [source.decode] with "
          "framing = \"confluent\" and schema_registry (docs/events.md)";
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

  Result<void> print_config(const Guess& guess, const config::Config& from,
                            Console& console) const {
    if (guess.ids.empty()) {
      return fail(ErrorCode::kCorrupt, "no field looks like one of ids: choose among those above");
    }
    const auto text = [](const std::string& value) { return config::string_literal(value); };
    std::string out = "\n[source]\n";
    if (topic.empty()) {
      out += fmt::format("kind = \"file\"\n\n[source.file]\npath = {}\n",
                         text(std::filesystem::absolute(log).string()));
      if (!separator_.empty()) out += fmt::format("separator = {}\n", text(separator_));
    } else {
      out += fmt::format("kind = \"kafka\"\n\n[source.kafka]\ntopic = {}\n", text(topic));
      out += fmt::format("\n[kafka]\nbrokers = {}\n", text(from.kafka.brokers));
    }
    out += "\n[source.decode]\n";
    if (!columns_) out += "format = \"json\"\n";
    if (framed_) out += "framing = \"confluent\"\n";
    if (!guess.label.empty()) out += fmt::format("label = {}\n", text(guess.label));
    if (!guess.label_true.empty()) {
      out += fmt::format("label_true = {}\n", config::list_literal(guess.label_true));
    }
    if (!guess.time.empty()) out += fmt::format("time = {}\n", text(guess.time));
    if (!guess.sample_per.empty()) out += fmt::format("sample_per = {}\n", text(guess.sample_per));
    for (const Guess::Ids& ids : guess.ids) {
      const auto rows = std::max<std::uint64_t>(1, ids.distinct / 10);
      out += fmt::format("\n[[table]]\nname = {}\nrows = {}    # 10 % of the {} ids seen here\n",
                         text(ids.name), rows, format_count(ids.distinct));
      out += fmt::format("\n[[feature]]\nname = {}\npath = {}\n", text(ids.name), text(ids.path));
      if (!ids.ignore.empty()) {
        out += fmt::format("ignore = {}\n", config::list_literal(ids.ignore));
      }
    }
    if (auto sound = config::parse_config(out, "the configuration below"); !sound) {
      return fail(ErrorCode::kConfig, config::to_string(sound.error().front()));
    }
    console.out << out;
    return {};
  }

  EventSurvey survey_;
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
                  "A log: .ndjson, .csv, .tsv or .txt, plain, gzip or zstd");
  app->add_option("--topic", command->topic, "A Kafka topic; its partition 0 is looked at");
  app->add_option("--brokers", command->brokers, "Bootstrap brokers, host:port");
  app->add_option("-c,--config", command->config_path,
                  "A configuration whose [kafka] says how to connect");
  app->add_option("--records", command->at_most, "Records to look at")->capture_default_str();
  app->footer(
      "Prints what the fields hold, which of them are taken for label, time and ids, and why, as\n"
      "comments, and below a configuration that check-config accepts. Row budgets are 10 % of the\n"
      "ids seen: set them to what your tables should have.\n"
      "\n"
      "Examples:\n"
      "  remapd inspect-events --events clicks.ndjson.gz > remapd.toml\n"
      "  remapd inspect-events --topic shop.clicks --brokers kafka-1:9092 > remapd.toml");
  return {app, std::move(command)};
}

}  // namespace remapd::cli
