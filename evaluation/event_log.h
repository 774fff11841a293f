// A whole event log in memory, its ids numbered per feature in the order they first appear: what
// lets every strategy see the same events in the same order without reading the file again.
//
// Immutable once read; safe to share between threads. Memory: 4 bytes an id seen, 8 a distinct id
// and 8 a sample, per feature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/pipeline/event_batch.h"

namespace remapd::evaluation {

struct EventLogOptions {
  std::filesystem::path path;
  std::vector<std::string> features;
  std::string label_column = "label";
  bool labels = true;                           // false: all samples are unlabelled
  std::optional<char> multi_value_separator{};  // splits a field of a TSV log into several ids
};

class EventLog {
 public:
  class Builder;

  // `progress` is told the samples read so far, now and then. Errors are the log reader's;
  // kInvalidArgument if the log holds no sample.
  static Result<EventLog> read(const EventLogOptions& options,
                               const std::function<void(std::size_t)>& progress);

  std::size_t samples() const { return labels_.size(); }
  std::size_t features() const { return columns_.size(); }
  const std::string& name(FeatureIndex feature) const { return columns_[feature.value].name; }
  // Rows of the file that could not be read.
  std::uint64_t unreadable() const { return unreadable_; }
  bool labelled() const { return labelled_; }

  // The distinct ids of a feature; the place of an id in this list is its number.
  std::span<const Id> ids(FeatureIndex feature) const { return columns_[feature.value].ids; }
  std::uint32_t distinct(FeatureIndex feature) const {
    return static_cast<std::uint32_t>(columns_[feature.value].ids.size());
  }

  // The numbers of the ids that a sample has of a feature.
  std::span<const std::uint32_t> numbers(FeatureIndex feature, std::size_t sample) const {
    const Column& column = columns_[feature.value];
    return std::span(column.numbers)
        .subspan(column.begin[sample], column.begin[sample + 1] - column.begin[sample]);
  }
  // NaN: unlabelled.
  float label(std::size_t sample) const { return labels_[sample]; }

  // The same samples in a random order; ids keep their numbers.
  EventLog shuffled(std::uint64_t seed) const;

 private:
  struct Column {
    std::string name;
    std::vector<Id> ids;
    std::vector<std::uint32_t> numbers;
    std::vector<std::size_t> begin{0};
  };

  std::vector<Column> columns_;
  std::vector<float> labels_;
  std::uint64_t unreadable_ = 0;
  bool labelled_ = false;
};

// A log batch by batch, from wherever they come.
class EventLog::Builder {
 public:
  // The features, in the order of the batches'.
  explicit Builder(const std::vector<std::string>& features);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // Appends the first `at_most` samples of the batch.
  void add(const pipeline::EventBatch& batch, std::size_t at_most = SIZE_MAX);
  std::size_t samples() const { return log_.samples(); }
  EventLog finish() &&;

 private:
  struct Numbers;  // of the ids seen so far

  EventLog log_;
  std::unique_ptr<Numbers> numbers_;
};

}  // namespace remapd::evaluation
