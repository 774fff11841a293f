#include "core/sketch/count_horizon.h"

#include <cmath>

namespace remapd::sketch {
namespace {

constexpr double kUnseen = 0.5;         // accesses that every id may have had unseen
constexpr double kMemory = 0.9;         // of likelihoods, a tick
constexpr double kBeyondChance = 10.0;  // nats, that a shorter half-life must gain

}  // namespace

CountHorizon::CountHorizon(std::uint32_t slots) : counts_((slots + kSampled - 1) / kSampled) {}

double CountHorizon::decay() const {
  const double half_life = this->half_life();
  return half_life == kNever ? 1.0 : std::exp2(-1 / half_life);
}

void CountHorizon::predict(const TrackedIds& ids) {
  constexpr std::size_t kChoices = kHalfLives.size();
  std::array<double, kChoices> sums{};
  for (const Counts& counts : counts_) {
    if (counts.at_last_tick == 0) continue;
    for (std::size_t h = 0; h < kChoices; ++h) {
      sums[h] += static_cast<double>(counts.by_half_life[h]) + kUnseen;
    }
  }
  std::array<double, kChoices> decays{};
  for (std::size_t h = 0; h < kChoices; ++h) {
    decays[h] = kHalfLives[h] == kNever ? 1.0 : std::exp2(-1 / kHalfLives[h]);
    gain_[h] *= kMemory;
  }
  std::array<double, kChoices> likelihood{};
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const auto slot = static_cast<Slot>(i) * kSampled;
    if (!ids.occupied(slot)) continue;
    Counts& counts = counts_[i];
    const bool is_known = counts.at_last_tick > 0;
    const auto count = static_cast<float>(ids.count(slot));
    const float now = std::max(count - counts.at_last_tick, 0.0F);
    for (std::size_t h = 0; h < kChoices; ++h) {
      float& of = counts.by_half_life[h];
      if (is_known && now > 0) {
        likelihood[h] +=
            static_cast<double>(now) * std::log((static_cast<double>(of) + kUnseen) / sums[h]);
      }
      of = static_cast<float>(static_cast<double>(of) * decays[h]) + now;
    }
    counts.at_last_tick = count;
  }
  for (std::size_t h = 1; h < kChoices; ++h) gain_[h] += likelihood[h] - likelihood[0];
  chosen_ = 0;
  for (std::uint32_t h = 1; h < kChoices; ++h) {
    if (gain_[h] > gain_[chosen_] + kBeyondChance) chosen_ = h;
  }
  // As the decay that follows leaves it.
  const auto left = static_cast<float>(this->decay());
  for (Counts& counts : counts_) counts.at_last_tick *= left;
}

void CountHorizon::forget(std::span<const Slot> slots) {
  for (const Slot slot : slots) {
    if (slot % kSampled == 0) counts_[slot / kSampled] = {};
  }
}

void CountHorizon::save(ByteWriter& out) const {
  out.put_sparse(std::span<const Counts>(counts_));
  out.put(gain_);
  out.put(chosen_);
}

Result<void> CountHorizon::load(ByteReader& in) {
  in.get_sparse(std::span(counts_));
  gain_ = in.get<decltype(gain_)>();
  chosen_ = in.get<std::uint32_t>();
  if (in.ok() && chosen_ < kHalfLives.size()) return {};
  return fail(ErrorCode::kCorrupt, "count horizon: of another number of slots, or cut short");
}

}  // namespace remapd::sketch
