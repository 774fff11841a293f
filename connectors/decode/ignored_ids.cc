#include "connectors/decode/ignored_ids.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace remapd::decode {

IgnoredIds::IgnoredIds(std::vector<std::vector<Id>> of_features)
    : of_features_(std::move(of_features)) {
  const bool none = std::all_of(of_features_.begin(), of_features_.end(),
                                [](const std::vector<Id>& ids) { return ids.empty(); });
  if (none) of_features_.clear();
}

void IgnoredIds::take_from(pipeline::EventBatch& batch) const {
  if (batch.samples() == 0) return;
  for (std::uint32_t f = 0; f < of_features_.size(); ++f) {
    const std::vector<Id>& ignored = of_features_[f];
    if (ignored.empty()) continue;
    std::vector<Id>& values = batch.mutable_values(FeatureIndex{f});
    std::size_t read = 0;
    std::size_t kept = 0;
    for (std::uint32_t& length : batch.mutable_lengths(FeatureIndex{f})) {
      const std::size_t begin = kept;
      for (const std::size_t end = read + length; read < end; ++read) {
        if (std::find(ignored.begin(), ignored.end(), values[read]) != ignored.end()) continue;
        values[kept++] = values[read];
      }
      length = static_cast<std::uint32_t>(kept - begin);
    }
    values.resize(kept);
  }
}

IgnoredIds ignored_ids(const RecordLayout& layout) {
  std::vector<std::vector<Id>> of_features;
  for (const FeatureLayout& feature : layout.features)
    of_features.push_back(ids_of(feature.ignore));
  return IgnoredIds(std::move(of_features));
}

}  // namespace remapd::decode
