// The features that are read from events, and the table that each feeds. Several features may feed
// one table: they share its ids. Other features of an event are skipped and counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"

namespace remapd::pipeline {

struct Feature {
  std::string name;
  TableIndex table;
};

class FeatureSchema {
 public:
  FeatureSchema() = default;
  explicit FeatureSchema(std::vector<Feature> features) : features_(std::move(features)) {}

  std::size_t size() const { return features_.size(); }
  const Feature& feature(FeatureIndex index) const { return features_[index.value]; }
  const std::vector<Feature>& features() const { return features_; }

  // O(size()): decoders cache the result per message layout.
  std::optional<FeatureIndex> find(std::string_view name) const {
    for (std::size_t i = 0; i < features_.size(); ++i) {
      if (features_[i].name == name) return FeatureIndex{static_cast<std::uint32_t>(i)};
    }
    return std::nullopt;
  }

 private:
  std::vector<Feature> features_;
};

}  // namespace remapd::pipeline
