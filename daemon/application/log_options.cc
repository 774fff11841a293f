#include "daemon/application/log_options.h"

#include <string>
#include <variant>

#include "connectors/decode/field_path.h"
#include "connectors/decode/ignored_ids.h"
#include "daemon/config/record_layout.h"

namespace remapd::application {
namespace {

std::optional<files::LogFormat> log_format(config::LogFileFormat format) {
  switch (format) {
    case config::LogFileFormat::kTsv:
      return files::LogFormat::kTsv;
    case config::LogFileFormat::kCsv:
      return files::LogFormat::kCsv;
    case config::LogFileFormat::kNdjson:
      return files::LogFormat::kNdjson;
    case config::LogFileFormat::kProtobuf:
      return files::LogFormat::kProtobuf;
    case config::LogFileFormat::kAuto:
      break;
  }
  return std::nullopt;
}

files::LabelUse label_use(config::Labels labels) {
  switch (labels) {
    case config::Labels::kRequired:
      return files::LabelUse::kRequired;
    case config::Labels::kIgnore:
      return files::LabelUse::kIgnore;
    case config::Labels::kIfPresent:
      break;
  }
  return files::LabelUse::kIfPresent;
}

// Of a log of columns a path is the name of one.
void set_columns(const config::Config& config, files::TsvOptions& columns) {
  const config::Decode& decode = config.source.decode;
  const auto column = [](const std::string& path) {
    const auto paths = decode::parse_field_path(path);
    return paths && paths->size() == 1 && paths->front().size() == 1 ? paths->front().front().name
                                                                     : path;
  };
  if (!decode.label.empty()) columns.label_column = column(decode.label);
  if (!decode.time.empty()) columns.timestamp_column = column(decode.time);
  if (!decode.weight.empty()) columns.weight_column = column(decode.weight);
  for (const config::Literal& value : decode.label_true) {
    const auto* integer = std::get_if<std::int64_t>(&value);
    columns.label_true.push_back(integer != nullptr ? std::to_string(*integer)
                                                    : std::get<std::string>(value));
  }
  for (const config::Feature& feature : config.features) {
    columns.columns.push_back(column(feature.path));
  }
}

}  // namespace

files::LogFileOptions log_options(const config::Config& config) {
  const config::FileSource& source = config.source.file;
  files::LogFileOptions options;
  options.path = source.path;
  options.format = log_format(source.format);
  options.batch_samples = source.batch_samples;
  options.max_record_bytes = source.max_record_bytes;
  options.tsv.label_column = source.label_column;
  options.tsv.timestamp_column = source.timestamp_column;
  options.tsv.labels = label_use(source.labels);
  if (!source.multi_value_separator.empty()) {
    options.tsv.multi_value_separator = source.multi_value_separator.front();
  }
  if (!source.separator.empty()) options.tsv.delimiter = source.separator.front();
  set_columns(config, options.tsv);
  options.ignored = decode::ignored_ids(config::record_layout(config));
  if (config::record_format(config) != config::RecordFormat::kAccessBatch) {
    options.records = config::decode_options(config);
  }
  return options;
}

}  // namespace remapd::application
