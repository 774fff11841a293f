// A look at an event log before training: how many samples it has, how many ids each feature has,
// and so which tables are worth sharing the rows of and how large they are.
//
// A log of positives only (clicks, purchases) teaches nothing by itself: there, each event can be
// followed by a negative, the same event with the id of one feature replaced by that of a random
// recent event and label 0. Trainer and daemon must see the same samples, so these can be written
// down as a log of their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::click_trainer {

// Tables of features with at most this many ids are not shared.
inline constexpr std::uint64_t kOwnRowsIds = 1'000;

// A negative's id is that of one of this many events, the current one included.
inline constexpr std::size_t kNegativeWindow = 20'000;

struct SurveyOptions {
  double rows_share = 0.1;  // row budget of shared tables, as a share of their distinct ids
  struct Negatives {
    FeatureIndex feature;
    std::uint64_t seed = 1;
  };
  std::optional<Negatives> negatives{};
  // The samples are written to this log (its format follows from the name: log_writer.h); empty:
  // they are not.
  std::filesystem::path samples_log{};
};

struct Survey {
  struct Feature {
    std::string name;
    std::uint64_t ids = 0;   // distinct
    std::uint32_t rows = 0;  // row budget: fewer than ids if shared, else enough for all of them
    bool shared = false;
  };
  std::uint64_t samples = 0;  // negatives included
  std::uint64_t positives = 0;
  std::uint64_t unlabelled = 0;
  std::vector<Feature> features;

  std::uint64_t negatives() const { return samples - positives - unlabelled; }
};

// Reads the source, which has been started, to its end. `progress` is told the samples read so far.
// Errors are the source's and the log writer's; kInvalidArgument for a log without samples. Memory:
// the distinct ids.
Result<Survey> survey(pipeline::EventSource& source, const pipeline::FeatureSchema& schema,
                      const SurveyOptions& options,
                      const std::function<void(std::uint64_t)>& progress);

}  // namespace remapd::click_trainer
