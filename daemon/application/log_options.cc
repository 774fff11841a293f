#include "daemon/application/log_options.h"

namespace remapd::application {
namespace {

std::optional<files::LogFormat> log_format(config::LogFileFormat format) {
  switch (format) {
    case config::LogFileFormat::kTsv:
      return files::LogFormat::kTsv;
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

}  // namespace

files::LogFileOptions log_options(const config::FileSource& source) {
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
  return options;
}

}  // namespace remapd::application
