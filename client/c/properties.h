// The Kafka settings of a caller of remap.h.
#pragma once

#include "client/c/call.h"
#include "connectors/kafka/kafka_settings.h"

namespace remapd::c_api {

inline Result<kafka::KafkaSettings> kafka_settings(const char* brokers,
                                                   const char* const* properties,
                                                   std::size_t property_count) {
  if (brokers == nullptr) return fail(null_argument("brokers"));
  if (property_count != 0 && properties == nullptr) return fail(null_argument("properties"));
  kafka::KafkaSettings settings;
  settings.brokers = brokers;
  kafka::PropertyLayer layer{.section = "properties", .values = {}};
  for (std::size_t i = 0; i < property_count; ++i) {
    if (properties[2 * i] == nullptr || properties[2 * i + 1] == nullptr) {
      return fail(null_argument("properties[...]"));
    }
    layer.values[properties[2 * i]] = properties[2 * i + 1];
  }
  settings.layers.push_back(std::move(layer));
  return settings;
}

}  // namespace remapd::c_api
