// The prequential protocol: predict, then learn, event by event in the order of the log, on tables
// that are remapped on the way as the daemon would remap them. No event is seen before it has been
// predicted, neither by the model nor by the mapping.
//
// A run can be advanced by stretches, so that several go over the log side by side. One run is not
// thread safe; several may advance at once, they share nothing but the log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/types.h"
#include "evaluation/event_log.h"
#include "evaluation/fm_model.h"
#include "evaluation/online_mapper.h"
#include "evaluation/rows_of_ids.h"
#include "evaluation/sample_stream.h"

namespace remapd::evaluation {

// The share of the samples that only warms up, unless the options say another.
inline constexpr double kWarmUpShare = 0.2;

struct PrequentialOptions {
  double warm_up_share = kWarmUpShare;    // figures are over the samples after it
  std::optional<FeatureIndex> negatives;  // the column that negatives replace; none: no negatives
  bool migrate = true;                    // false: swap mappings and leave the rows as they are
  std::uint64_t seed = 1;                 // of the model and of negatives
};

struct PrequentialFigures {
  double normalised_entropy = 0;
  double log_loss = 0;
  double auc = 0;
  std::uint64_t rows = 0;      // of all tables
  std::uint64_t versions = 0;  // published
  // Over the versions published after the warm-up; NaN if there are none.
  double moved_median = 0;  // Publication::moved
  double moved_mean = 0;
  double rerouted_median = 0;  // Publication::rerouted
  // The sum of Publication::moved over 10,000 samples; the median of such stretches.
  double moved_per_stretch = 0;
};

// A row for every id of every feature: what sharing rows is measured against.
std::vector<RowsOfIds> full_table(const EventLog& log);

class Prequential {
 public:
  // Ids stay where they are: one list of rows for each feature. The log must outlive the run.
  Prequential(const EventLog& log, std::vector<RowsOfIds> rows, const PrequentialOptions& options);
  // Ids go where the mapper's versions place them.
  Prequential(const EventLog& log, std::unique_ptr<OnlineMapper> mapper,
              const PrequentialOptions& options);

  // Samples in all, negatives included, and those that are behind.
  std::size_t samples() const { return stream_.samples(); }
  std::size_t done() const { return done_; }
  // Goes on by at most `samples`; false once there are no more.
  bool advance(std::size_t samples);

  std::uint64_t versions() const { return mapper_ ? mapper_->versions() : 0; }
  // Over what has been predicted so far. O(n log n).
  PrequentialFigures figures() const;
  // Of the labelled samples after the warm-up, in their order: the same samples in every run of a
  // log with the same options.
  std::span<const float> predictions() const { return predictions_; }
  std::span<const float> labels() const { return labels_; }

 private:
  // The rows of one sample, feature by feature, in buffers that are reused.
  struct SampleRows {
    std::vector<std::vector<Row>> rows;
    std::vector<std::span<const Row>> spans;
  };

  Prequential(const EventLog& log, std::unique_ptr<OnlineMapper> mapper,
              std::vector<RowsOfIds> fixed, const PrequentialOptions& options);
  const RowsOfIds& rows_of(FeatureIndex feature) const {
    return mapper_ ? mapper_->rows(feature) : fixed_[feature.value];
  }
  void take_sample();
  void publish_due();

  std::unique_ptr<OnlineMapper> mapper_;  // null: fixed_
  std::vector<RowsOfIds> fixed_;
  bool migrate_;
  std::uint32_t features_;
  FmModel model_;
  SampleStream stream_;
  std::size_t warm_up_;
  std::size_t done_ = 0;
  SampleRows sample_;
  std::vector<std::span<const std::uint32_t>> numbers_;
  std::vector<float> predictions_;
  std::vector<float> labels_;
  std::vector<double> moved_;
  std::vector<double> rerouted_;
  std::vector<double> moved_in_stretch_;
};

}  // namespace remapd::evaluation
