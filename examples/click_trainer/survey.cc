#include "examples/click_trainer/survey.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include "connectors/files/log_writer.h"
#include "core/base/random.h"
#include "examples/click_trainer/placement.h"

namespace remapd::click_trainer {
namespace {

// Follows every event with its negative.
class NegativeSampler {
 public:
  NegativeSampler(std::size_t features, const SurveyOptions::Negatives& options)
      : features_(features), replaced_(options.feature), random_(options.seed) {}

  // Two samples for each of the batch's: the event as a positive, then its negative.
  const pipeline::EventBatch& sample(const pipeline::EventBatch& events) {
    samples_.reset(features_);
    samples_.event_time_ms = events.event_time_ms;
    std::vector<std::size_t> at(features_, 0);
    for (std::size_t s = 0; s < events.samples(); ++s) {
      std::vector<std::span<const Id>> ids;
      for (std::uint32_t f = 0; f < features_; ++f) {
        const std::size_t length = events.lengths(FeatureIndex{f})[s];
        ids.push_back(events.values(FeatureIndex{f}).subspan(at[f], length));
        at[f] += length;
      }
      const std::span<const Id> own = ids[replaced_.value];
      std::vector<Id>& kept = recent_[events_ % kNegativeWindow];
      kept.assign(own.begin(), own.end());
      ++events_;
      append(ids, 1);
      const std::uint64_t back = random_.below(std::min(events_, std::uint64_t{kNegativeWindow}));
      ids[replaced_.value] = recent_[(events_ - 1 - back) % kNegativeWindow];
      append(ids, 0);
    }
    samples_.seal(2 * events.samples());
    return samples_;
  }

 private:
  void append(const std::vector<std::span<const Id>>& ids, float label) {
    for (std::uint32_t f = 0; f < features_; ++f) {
      samples_.mutable_lengths(FeatureIndex{f})
          .push_back(static_cast<std::uint32_t>(ids[f].size()));
      auto& values = samples_.mutable_values(FeatureIndex{f});
      values.insert(values.end(), ids[f].begin(), ids[f].end());
    }
    samples_.mutable_labels().push_back(label);
  }

  std::size_t features_;
  FeatureIndex replaced_;
  Random random_;
  std::uint64_t events_ = 0;
  std::vector<std::vector<Id>> recent_ = std::vector<std::vector<Id>>(kNegativeWindow);
  pipeline::EventBatch samples_;
};

class Surveyor {
 public:
  explicit Surveyor(const pipeline::FeatureSchema& schema) : schema_(schema), ids_(schema.size()) {}

  void take(const pipeline::EventBatch& samples) {
    out_.samples += samples.samples();
    for (std::uint32_t f = 0; f < ids_.size(); ++f) {
      ids_[f].place(samples.values(FeatureIndex{f}), rows_);
    }
    if (samples.labels().empty()) out_.unlabelled += samples.samples();
    for (const float label : samples.labels()) {
      if (std::isnan(label)) {
        ++out_.unlabelled;
      } else if (label > 0.5f) {
        ++out_.positives;
      }
    }
  }

  Survey finish(double rows_share) {
    for (std::uint32_t f = 0; f < ids_.size(); ++f) {
      const std::uint32_t ids = ids_[f].rows();
      const bool shared = ids > kOwnRowsIds;
      const auto rows = static_cast<std::uint32_t>(
          shared ? std::max(std::round(rows_share * ids), 1.0) : std::max(ids, 1U));
      out_.features.push_back({schema_.feature(FeatureIndex{f}).name, ids, rows, shared});
    }
    return std::move(out_);
  }

  std::uint64_t samples() const { return out_.samples; }

 private:
  const pipeline::FeatureSchema& schema_;
  std::vector<OwnRows> ids_;
  std::vector<Row> rows_;
  Survey out_;
};

}  // namespace

Result<Survey> survey(pipeline::EventSource& source, const pipeline::FeatureSchema& schema,
                      const SurveyOptions& options,
                      const std::function<void(std::uint64_t)>& progress) {
  std::unique_ptr<files::LogFileWriter> writer;
  std::optional<NegativeSampler> sampler;
  if (options.negatives) sampler.emplace(schema.size(), *options.negatives);
  if (!options.samples_log.empty()) {
    auto created = files::LogFileWriter::create(
        {.path = options.samples_log, .producer = "click-trainer"}, schema);
    if (!created) return fail(std::move(created).error());
    writer = std::move(*created);
  }
  Surveyor surveyor(schema);
  pipeline::EventBatch events;
  for (;;) {
    const auto polled = source.poll(events, std::chrono::milliseconds(1'000));
    if (!polled) return fail(polled.error());
    if (*polled == pipeline::PollOutcome::kEnd) break;
    if (*polled == pipeline::PollOutcome::kIdle) continue;
    const pipeline::EventBatch& samples = sampler ? sampler->sample(events) : events;
    if (writer) {
      if (auto ok = writer->write(samples); !ok) return fail(std::move(ok).error());
    }
    surveyor.take(samples);
    progress(surveyor.samples());
  }
  if (surveyor.samples() == 0) {
    return fail(ErrorCode::kInvalidArgument, "the log holds no sample that can be read");
  }
  if (writer) {
    if (auto ok = writer->close(); !ok) return fail(std::move(ok).error());
  }
  return surveyor.finish(options.rows_share);
}

}  // namespace remapd::click_trainer
