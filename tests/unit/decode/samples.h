// What tests of decoders have in common: a layout, a record, and its samples in words.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "connectors/decode/event_decoder.h"
#include "connectors/decode/record_decoder.h"

namespace remapd::decode {

inline pipeline::FeatureSchema features(const std::vector<std::string>& names) {
  std::vector<pipeline::Feature> features;
  for (const std::string& name : names) features.push_back({name, TableIndex{0}});
  return pipeline::FeatureSchema(std::move(features));
}

// "user=7 item=1,2 label=1 weight=2 | user=..."; a label or weight where the batch has them.
inline std::string in_words(const pipeline::EventBatch& batch,
                            const pipeline::FeatureSchema& schema) {
  std::string out;
  std::vector<std::size_t> at(schema.size(), 0);
  for (std::size_t s = 0; s < batch.samples(); ++s) {
    if (s > 0) out += " | ";
    for (std::uint32_t f = 0; f < schema.size(); ++f) {
      const FeatureIndex feature{f};
      out += (f > 0 ? " " : "") + schema.feature(feature).name + "=";
      for (std::uint32_t i = 0; i < batch.lengths(feature)[s]; ++i) {
        out += (i > 0 ? "," : "") + std::to_string(batch.values(feature)[at[f]++]);
      }
    }
    if (!batch.labels().empty()) {
      const float label = batch.labels()[s];
      out += std::isnan(label) ? " label=?" : fmt::format(" label={}", label);
    }
    if (!batch.weights().empty()) out += fmt::format(" weight={}", batch.weights()[s]);
  }
  return out;
}

// The samples of one record in words, or the reason that it is refused.
inline std::string samples_of(RecordDecoder& decoder, SampleBuilder& builder, ByteView record,
                              const pipeline::FeatureSchema& schema) {
  pipeline::EventBatch batch;
  batch.reset(schema.size());
  if (!decoder.read(record, builder)) return "refused: " + builder.reason();
  const auto samples = builder.finish(batch);
  if (!samples) return "refused: " + builder.reason();
  batch.seal(*samples);
  std::string words = in_words(batch, schema);
  if (batch.event_time_ms != 0) words += fmt::format(" at {}", batch.event_time_ms);
  return words;
}

}  // namespace remapd::decode
