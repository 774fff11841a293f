// EventBatch: the decoded samples of one message or one stretch of a file, laid out like TorchRec's
// KeyedJaggedTensor: for each feature of the schema one length per sample, and the ids one after
// another. Reused between messages, so decoding allocates nothing once its buffers have grown.
//
// Shapes: S samples, F features of the schema.
//   lengths(f)  S counts: how many ids of feature f each sample has (often 1, may be 0)
//   values(f)   sum(lengths(f)) ids
//   labels()    S floats, or empty when the stream carries none; NaN = this sample has no label
//   weights()   S floats >= 0, or empty: how much each sample matters to the trainer; 0: count it,
//               learn nothing
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/check.h"
#include "core/base/types.h"

namespace remapd::pipeline {

// Where a batch came from, and where reading goes on after it.
struct StreamPosition {
  std::uint32_t partition = 0;
  std::int64_t offset = -1;       // of the message (Kafka) or the first record (file)
  std::int64_t next_offset = -1;  // read from here to go on after this batch
};

class EventBatch {
 public:
  // Empties the batch for a schema of `features` features; keeps the memory.
  void reset(std::size_t features) {
    columns_.resize(features);
    for (Column& column : columns_) {
      column.lengths.clear();
      column.values.clear();
    }
    labels_.clear();
    weights_.clear();
    samples_ = 0;
    event_time_ms = 0;
    position = {};
  }

  std::size_t samples() const { return samples_; }
  std::size_t features() const { return columns_.size(); }
  std::span<const std::uint32_t> lengths(FeatureIndex f) const { return columns_[f.value].lengths; }
  std::span<const Id> values(FeatureIndex f) const { return columns_[f.value].values; }
  std::span<const float> labels() const { return labels_; }
  std::span<const float> weights() const { return weights_; }
  std::size_t total_ids() const {
    std::size_t sum = 0;
    for (const Column& column : columns_) sum += column.values.size();
    return sum;
  }

  // For decoders. Column-wise: fill the vectors, then seal(). Features left empty get zero lengths.
  std::vector<std::uint32_t>& mutable_lengths(FeatureIndex f) { return columns_[f.value].lengths; }
  std::vector<Id>& mutable_values(FeatureIndex f) { return columns_[f.value].values; }
  std::vector<float>& mutable_labels() { return labels_; }
  std::vector<float>& mutable_weights() { return weights_; }
  void seal(std::size_t samples) {
    samples_ = samples;
    for (Column& column : columns_) {
      if (column.lengths.empty()) column.lengths.assign(samples, 0);
      std::size_t sum = 0;
      for (const std::uint32_t n : column.lengths) sum += n;
      REMAPD_CHECK(column.lengths.size() == samples && column.values.size() == sum,
                   "a decoder fills every column with one length per sample");
    }
    REMAPD_CHECK(labels_.empty() || labels_.size() == samples, "one label per sample, or none");
    REMAPD_CHECK(weights_.empty() || weights_.size() == samples, "one weight per sample, or none");
  }

  std::int64_t event_time_ms = 0;  // of the batch's newest sample, Unix milliseconds; 0 = unknown
  StreamPosition position;

 private:
  struct Column {
    std::vector<std::uint32_t> lengths;
    std::vector<Id> values;
  };
  std::vector<Column> columns_;
  std::vector<float> labels_;
  std::vector<float> weights_;
  std::size_t samples_ = 0;
};

}  // namespace remapd::pipeline
