// PublishSchedule: the samples at which the next mapping versions of a table are due.
//
// A version of any kind is due every `every_samples`: an increment, which costs what has changed,
// or a full build, which is at least O(ids). Full builds are due after `first_samples`; the gaps
// between them then grow by the factor `growth` up to `full_samples`, or `full_samples_per_id`
// times the number of tracked ids where that is more, so that their cost stays a bounded share of
// intake's. A value; not thread safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/pipeline/engine.h"

namespace remapd::pipeline {

class PublishSchedule {
 public:
  struct Config {
    std::uint64_t every_samples = 250;
    std::uint64_t first_samples = 1'000;
    std::uint64_t full_samples = 2'500;  // the final gap between full builds of a table of few ids
    double growth = 1.5;                 // >= 1
    double full_samples_per_id = 0.01;   // >= 0
  };

  // Part of a checkpoint; in samples.
  struct State {
    std::uint64_t gap = 0;  // between full builds
    std::uint64_t full_due_at = 0;
    std::uint64_t due_at = 0;    // a version of any kind
    std::uint64_t built_at = 0;  // the last one, 0 before the first

    friend bool operator==(const State&, const State&) = default;
  };

  explicit PublishSchedule(Config config) : config_(config) {
    state_.gap = std::min(config.first_samples, config.full_samples);
    state_.full_due_at = state_.due_at = state_.gap;
  }

  std::uint64_t due_at() const { return state_.due_at; }
  bool due(std::uint64_t samples) const { return samples >= state_.due_at; }
  // What is due once due(), if `between` is what can be built between full builds
  // (Engine::between_full_builds()); none: nothing before the next full build.
  std::optional<BuildKind> kind(std::uint64_t samples, std::optional<BuildKind> between) const {
    return samples < state_.full_due_at ? between : BuildKind::kFull;
  }

  const State& state() const { return state_; }
  // Continues from a saved state, with `ids` tracked ids. A gap more than twice as long as the
  // configuration asks for is shortened to that.
  void restore(const State& state, std::uint64_t ids) {
    state_ = state;
    const std::uint64_t settled = settled_gap(ids);
    if (state.gap / 2 <= settled) return;
    const std::uint64_t longer = state.gap - settled;
    state_.gap = settled;
    state_.full_due_at -= std::min(state.full_due_at, longer);
    state_.due_at = std::min(state.due_at, state_.full_due_at);
  }

  // A build with `ids` tracked ids was begun at `samples`, whatever comes of it.
  void done(BuildKind kind, std::uint64_t samples, std::uint64_t ids) {
    state_.built_at = samples;
    if (kind == BuildKind::kFull) {
      const auto grown =
          static_cast<std::uint64_t>(static_cast<double>(state_.gap) * config_.growth);
      state_.gap = std::min(settled_gap(ids), std::max(state_.gap + 1, grown));
      state_.full_due_at = samples + state_.gap;
    }
    state_.due_at = std::min(samples + config_.every_samples, state_.full_due_at);
  }
  // Nothing can be built before the next full build.
  void pass() { state_.due_at = state_.full_due_at; }

 private:
  std::uint64_t settled_gap(std::uint64_t ids) const {
    return std::max(config_.full_samples, static_cast<std::uint64_t>(static_cast<double>(ids) *
                                                                     config_.full_samples_per_id));
  }

  Config config_;
  State state_;
};

}  // namespace remapd::pipeline
