// When the next mapping version of a table is due, counted along the stream.
//
// A stream teaches most at its start, so the first version comes after `first_samples` and the gaps
// then grow by `growth` until they reach `every_samples`. The daemon adds a wall-clock interval on
// top (whichever comes first); the quality runner uses the samples alone. A value; not thread safe.
#pragma once

#include <algorithm>
#include <cstdint>

namespace remapd::pipeline {

class PublishSchedule {
 public:
  struct Config {
    std::uint64_t first_samples = 1'000;
    std::uint64_t every_samples = 10'000;  // the settled gap
    double growth = 1.5;                   // >= 1
  };

  // Where a schedule stands; part of a checkpoint.
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
  // Goes on where another run was. A gap that the configuration no longer allows is shortened, and
  // the version comes sooner.
  void restore(const State& state) {
    const std::uint64_t longer = state.gap - std::min(state.gap, config_.every_samples);
    gap_ = state.gap - longer;
    due_ = state.due_at - std::min(state.due_at, longer);
  }

  // A version was built (or its gates refused it) at `samples`.
  void done(std::uint64_t samples) {
    gap_ = std::min(
        config_.every_samples,
        std::max(gap_ + 1, static_cast<std::uint64_t>(static_cast<double>(gap_) * config_.growth)));
    due_ = samples + gap_;
  }

 private:
  Config config_;
  std::uint64_t gap_;
  std::uint64_t due_;
};

}  // namespace remapd::pipeline
