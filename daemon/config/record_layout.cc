#include "daemon/config/record_layout.h"

#include <algorithm>

#include "daemon/config/secret_path.h"

namespace remapd::config {
namespace {

decode::RecordFormat decoder_format(RecordFormat format, bool registry) {
  switch (format) {
    case RecordFormat::kAccessBatch:
      return decode::RecordFormat::kAccessBatch;
    case RecordFormat::kJson:
      return decode::RecordFormat::kJson;
    case RecordFormat::kAvro:
      return registry ? decode::RecordFormat::kRegistry : decode::RecordFormat::kAvro;
    case RecordFormat::kProtobuf:
      return registry ? decode::RecordFormat::kRegistry : decode::RecordFormat::kProtobuf;
    case RecordFormat::kAuto:
      break;
  }
  return decode::RecordFormat::kRegistry;
}

}  // namespace

bool asks_for_layout(const Config& config) {
  const Decode& decode = config.source.decode;
  const bool in_section = !decode.label.empty() || !decode.label_true.empty() ||
                          !decode.time.empty() || !decode.weight.empty() ||
                          !decode.sample_per.empty();
  return in_section || std::any_of(config.features.begin(), config.features.end(),
                                   [](const Feature& feature) { return !feature.path.empty(); });
}

RecordFormat record_format(const Config& config) {
  const Decode& decode = config.source.decode;
  if (decode.format != RecordFormat::kAuto) return decode.format;
  if (!decode.schema_registry.empty()) return RecordFormat::kAuto;
  if (!decode.schema_file.empty()) return RecordFormat::kAvro;
  if (!decode.descriptor_set.empty()) return RecordFormat::kProtobuf;
  return asks_for_layout(config) ? RecordFormat::kJson : RecordFormat::kAccessBatch;
}

decode::RecordLayout record_layout(const Config& config) {
  const Decode& from = config.source.decode;
  decode::RecordLayout layout{.label = from.label,
                              .label_true = from.label_true,
                              .time = from.time,
                              .weight = from.weight,
                              .sample_per = from.sample_per};
  for (const Feature& feature : config.features) {
    layout.features.push_back({.path = feature.path, .ignore = feature.ignore});
  }
  return layout;
}

decode::DecodeOptions decode_options(const Config& config) {
  const Decode& from = config.source.decode;
  decode::DecodeOptions options;
  options.format = decoder_format(record_format(config), !from.schema_registry.empty());
  options.framing =
      from.framing == Framing::kConfluent ? decode::Framing::kConfluent : decode::Framing::kNone;
  options.layout = record_layout(config);
  if (!from.schema_registry.empty()) {
    decode::RegistryOptions registry{.url = from.schema_registry, .user = from.registry_user};
    if (!from.registry_password_file.empty()) {
      registry.password_file = secret_path(from.registry_password_file);
    }
    if (!from.registry_ca_file.empty()) registry.ca_file = secret_path(from.registry_ca_file);
    options.registry = std::move(registry);
  }
  options.schema_file = from.schema_file;
  options.descriptor_set = from.descriptor_set;
  options.message = from.message;
  return options;
}

}  // namespace remapd::config
