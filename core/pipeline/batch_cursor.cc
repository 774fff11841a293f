#include "core/pipeline/batch_cursor.h"

#include <algorithm>
#include <numeric>

namespace remapd::pipeline {

const EventBatch& BatchCursor::take(std::size_t count) {
  count = std::min(count, remaining());
  if (first_ == 0 && count == batch_.samples()) {
    first_ = count;
    return batch_;
  }
  piece_.reset(batch_.features());
  for (std::uint32_t f = 0; f < batch_.features(); ++f) {
    const auto lengths = batch_.lengths(FeatureIndex{f}).subspan(first_, count);
    const std::size_t ids = std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
    const auto values = batch_.values(FeatureIndex{f}).subspan(value_at_[f], ids);
    piece_.mutable_lengths(FeatureIndex{f}).assign(lengths.begin(), lengths.end());
    piece_.mutable_values(FeatureIndex{f}).assign(values.begin(), values.end());
    value_at_[f] += ids;
  }
  const auto copy = [&](std::span<const float> from, std::vector<float>& to) {
    if (from.empty()) return;
    const auto part = from.subspan(first_, count);
    to.assign(part.begin(), part.end());
  };
  copy(batch_.labels(), piece_.mutable_labels());
  copy(batch_.weights(), piece_.mutable_weights());
  piece_.seal(count);
  piece_.event_time_ms = batch_.event_time_ms;
  piece_.position = batch_.position;
  first_ += count;
  return piece_;
}

}  // namespace remapd::pipeline
