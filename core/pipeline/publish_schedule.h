// PublishSchedule: the sample at which the next mapping version of a table is due.
//
// The first version is due after `first_samples`; the gaps then grow by the factor `growth` up to
// `every_samples`, or `samples_per_id` times the number of tracked ids where that is more: a build
// is at least O(ids), so its cost stays a bounded share of intake's. A value; not thread safe.
#pragma once

#include <algorithm>
#include <cstdint>

namespace remapd::pipeline {

class PublishSchedule {
 public:
  struct Config {
    std::uint64_t first_samples = 1'000;
    std::uint64_t every_samples = 2'500;  // the final gap of a table with few ids
    double growth = 1.5;                  // >= 1
    double samples_per_id = 0.01;         // >= 0
  };

  // Part of a checkpoint.
  struct State {
    std::uint64_t gap = 0;
    std::uint64_t due_at = 0;  // in samples

    friend bool operator==(const State&, const State&) = default;
  };

  explicit PublishSchedule(Config config)
      : config_(config), gap_(std::min(config.first_samples, config.every_samples)), due_(gap_) {}

  bool due(std::uint64_t samples) const { return samples >= due_; }
  std::uint64_t due_at() const { return due_; }

  State state() const { return {gap_, due_}; }
  // Continues from a saved state, with `ids` tracked ids. A gap more than twice as long as the
  // configuration asks for is shortened to that.
  void restore(const State& state, std::uint64_t ids) {
    const std::uint64_t settled = settled_gap(ids);
    const std::uint64_t longer = state.gap / 2 > settled ? state.gap - settled : 0;
    gap_ = state.gap - longer;
    due_ = state.due_at - std::min(state.due_at, longer);
  }

  // A build with `ids` tracked ids was begun at `samples`, whatever comes of it.
  void done(std::uint64_t samples, std::uint64_t ids) {
    const auto grown = static_cast<std::uint64_t>(static_cast<double>(gap_) * config_.growth);
    gap_ = std::min(settled_gap(ids), std::max(gap_ + 1, grown));
    due_ = samples + gap_;
  }

 private:
  std::uint64_t settled_gap(std::uint64_t ids) const {
    return std::max(config_.every_samples,
                    static_cast<std::uint64_t>(static_cast<double>(ids) * config_.samples_per_id));
  }

  Config config_;
  std::uint64_t gap_;
  std::uint64_t due_;
};

}  // namespace remapd::pipeline
