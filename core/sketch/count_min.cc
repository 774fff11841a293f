#include "core/sketch/count_min.h"

#include <cmath>
#include <string>

#include "core/base/check.h"

namespace remapd::sketch {
namespace {

constexpr std::uint32_t kMagic = 0x314d4352;  // "RCM1"
// Units grow up to here before the counters are rewritten; kMaxCount * kMaxWeight fits a float.
constexpr float kMaxWeight = 1099511627776.0F;  // 2^40

}  // namespace

CountMin::CountMin(std::uint64_t lines)
    : lines_(lines), line_count_(static_cast<std::uint32_t>(lines)) {
  REMAPD_CHECK(lines >= 1 && lines <= kMaxLines, "a count-min sketch has 1 to 2^31 lines");
}

CountMin CountMin::with_bytes(std::uint64_t bytes) {
  return CountMin(std::clamp<std::uint64_t>(bytes / kLineBytes, 1, kMaxLines));
}

CountMin CountMin::with_accuracy(double epsilon, double delta) {
  REMAPD_CHECK(epsilon > 0 && epsilon < 1 && delta > 0 && delta < 1,
               "epsilon and delta lie between 0 and 1");
  const double counters = std::ceil(std::exp(1.0) / epsilon) * std::ceil(std::log(1.0 / delta));
  const double lines = std::ceil(counters / kCountersPerLine);
  return CountMin(
      static_cast<std::uint64_t>(std::clamp(lines, 1.0, static_cast<double>(kMaxLines))));
}

void CountMin::decay(double factor) {
  REMAPD_CHECK(factor >= 0 && factor <= 1, "a decay factor lies in [0, 1]");
  const double weight = static_cast<double>(weight_) / factor;
  if (weight <= static_cast<double>(kMaxWeight)) {
    weight_ = static_cast<float>(weight);
    return;
  }
  const auto scale = static_cast<float>(factor / static_cast<double>(weight_));
  for (Line& line : lines_.span()) {
    for (float& counter : line.counters) counter = std::min(counter * scale, kMaxCount);
  }
  weight_ = 1.0F;
}

Result<void> CountMin::merge(const CountMin& other) {
  if (other.lines() != lines()) {
    return fail(ErrorCode::kInvalidArgument, "cannot merge count-min sketches of " +
                                                 std::to_string(lines()) + " and " +
                                                 std::to_string(other.lines()) + " lines");
  }
  const float scale = weight_ / other.weight_;
  const float most = kMaxCount * weight_;
  for (std::size_t l = 0; l < lines_.size(); ++l) {
    for (std::uint32_t i = 0; i < kCountersPerLine; ++i) {
      float& counter = lines_[l].counters[i];
      counter = std::min(counter + other.lines_[l].counters[i] * scale, most);
    }
  }
  return {};
}

void CountMin::clear() {
  for (Line& line : lines_.span()) line = Line{};
  weight_ = 1.0F;
}

void CountMin::save(ByteWriter& out) const {
  out.put(kMagic);
  out.put(weight_);
  out.put<std::uint64_t>(lines());
  out.put_array(lines_.span());
}

Result<void> CountMin::load(ByteReader& in) {
  const auto magic = in.get<std::uint32_t>();
  const auto weight = in.get<float>();
  const auto lines = in.get<std::uint64_t>();
  const auto give_up = [this](ErrorCode code, const std::string& message) {
    clear();
    return fail(code, "count-min sketch: " + message);
  };
  if (!in.ok()) return give_up(ErrorCode::kCorrupt, "ends within its header");
  if (magic != kMagic) return give_up(ErrorCode::kCorrupt, "does not start with RCM1");
  if (!(weight >= 1.0F && weight <= kMaxWeight)) {
    return give_up(ErrorCode::kCorrupt, "its weight is out of bounds");
  }
  if (lines != this->lines()) {
    return give_up(ErrorCode::kConflict, "saved with " + std::to_string(lines) +
                                             " lines, configured for " +
                                             std::to_string(this->lines()));
  }
  in.get_array(lines_.span());
  if (!in.ok()) return give_up(ErrorCode::kCorrupt, "ends within its counters");
  const float most = kMaxCount * weight;
  for (const Line& line : lines_.span()) {
    for (const float counter : line.counters) {
      if (!(counter >= 0.0F && counter <= most)) {
        return give_up(ErrorCode::kCorrupt, "a counter is out of bounds");
      }
    }
  }
  weight_ = weight;
  return {};
}

}  // namespace remapd::sketch
