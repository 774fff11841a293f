// PendingSamples: samples in columns, collected until they are learned. Labels and weights are
// brought into range here. Not thread safe.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"

namespace remapd::pipeline {

class PendingSamples {
 public:
  explicit PendingSamples(std::size_t features) : columns_(features) { clear(); }

  std::size_t size() const { return labels_.size(); }
  const std::vector<Id>& values(std::size_t feature) const { return columns_[feature].values; }
  // size() + 1 offsets into values().
  const std::vector<std::uint32_t>& begin(std::size_t feature) const {
    return columns_[feature].begin;
  }
  const std::vector<float>& labels() const { return labels_; }
  const std::vector<float>& weights() const { return weights_; }

  std::size_t total_ids() const {
    std::size_t sum = 0;
    for (const Column& column : columns_) sum += column.values.size();
    return sum;
  }

  // Takes samples [first, first + count) of the batch; value_at[f] is where sample `first` starts
  // in the values of feature f, and is moved on.
  void append(const EventBatch& batch, std::size_t first, std::size_t count,
              std::vector<std::size_t>& value_at) {
    for (std::uint32_t f = 0; f < columns_.size(); ++f) {
      Column& column = columns_[f];
      const auto lengths = batch.lengths(FeatureIndex{f}).subspan(first, count);
      const std::uint32_t begin = column.begin.back();
      std::uint32_t end = begin;
      column.begin.resize(column.begin.size() + count);
      std::uint32_t* const ends = column.begin.data() + column.begin.size() - count;
      for (std::size_t i = 0; i < count; ++i) ends[i] = end += lengths[i];
      const std::uint32_t total = end - begin;
      const auto values = batch.values(FeatureIndex{f}).subspan(value_at[f], total);
      column.values.insert(column.values.end(), values.begin(), values.end());
      value_at[f] += total;
    }
    if (batch.labels().empty() && batch.weights().empty()) {
      labels_.resize(labels_.size() + count, kUnlabelled);
      weights_.resize(weights_.size() + count, 1.0F);
      return;
    }
    for (std::size_t s = first; s < first + count; ++s) {
      const float label = batch.labels().empty() ? kUnlabelled : batch.labels()[s];
      const float weight = batch.weights().empty() ? 1.0F : batch.weights()[s];
      // Of a sample of weight 0 nothing is learned, its label included.
      labels_.push_back(label >= 0 && label <= 1 && weight != 0 ? label : kUnlabelled);
      weights_.push_back(!(std::isfinite(weight) && weight >= 0) ? 1.0F
                         : weight == 0                           ? 0.0F
                                       : std::clamp(weight, kMinWeight, kMaxWeight));
    }
  }

  // Moves the samples from `first` on into `rest`, whose own are lost; first <= size().
  void move_from(std::size_t first, PendingSamples& rest) {
    rest.clear();
    for (std::size_t f = 0; f < columns_.size(); ++f) {
      Column& column = columns_[f];
      const std::uint32_t split = column.begin[first];
      const auto values = column.values.begin() + static_cast<std::ptrdiff_t>(split);
      rest.columns_[f].values.assign(values, column.values.end());
      column.values.erase(values, column.values.end());
      for (std::size_t s = first + 1; s < column.begin.size(); ++s) {
        rest.columns_[f].begin.push_back(column.begin[s] - split);
      }
      column.begin.resize(first + 1);
    }
    const auto at = static_cast<std::ptrdiff_t>(first);
    rest.labels_.assign(labels_.begin() + at, labels_.end());
    rest.weights_.assign(weights_.begin() + at, weights_.end());
    labels_.resize(first);
    weights_.resize(first);
  }

  void clear() {
    for (Column& column : columns_) {
      column.values.clear();
      column.begin.assign(1, 0);
    }
    labels_.clear();
    weights_.clear();
  }

  void save(ByteWriter& out) const {
    for (const Column& column : columns_) {
      out.put_vector(column.begin);
      out.put_vector(column.values);
    }
    out.put_vector(labels_);
    out.put_vector(weights_);
  }

  Result<void> load(ByteReader& in) {
    for (Column& column : columns_) {
      column.begin = in.get_vector<std::uint32_t>();
      column.values = in.get_vector<Id>();
    }
    labels_ = in.get_vector<float>();
    weights_ = in.get_vector<float>();
    bool sound = in.ok() && weights_.size() == labels_.size();
    for (const Column& column : columns_) {
      sound = sound && column.begin.size() == labels_.size() + 1 && column.begin.front() == 0 &&
              column.begin.back() == column.values.size();
      for (std::size_t i = 1; sound && i < column.begin.size(); ++i) {
        sound = column.begin[i - 1] <= column.begin[i];
      }
    }
    for (std::size_t s = 0; sound && s < labels_.size(); ++s) {
      sound = (std::isnan(labels_[s]) || (labels_[s] >= 0 && labels_[s] <= 1)) &&
              (weights_[s] == 0 || (weights_[s] >= kMinWeight && weights_[s] <= kMaxWeight));
    }
    if (!sound) return fail(ErrorCode::kCorrupt, "pending samples: sizes or values are impossible");
    return {};
  }

 private:
  static constexpr float kUnlabelled = std::numeric_limits<float>::quiet_NaN();
  static constexpr float kMinWeight = 1e-6F;
  // Gradients are summed in floats: a batch of samples near the largest float would be infinite.
  static constexpr float kMaxWeight = 1e6F;

  struct Column {
    std::vector<Id> values;
    std::vector<std::uint32_t> begin;
  };
  std::vector<Column> columns_;
  std::vector<float> labels_;
  std::vector<float> weights_;
};

}  // namespace remapd::pipeline
