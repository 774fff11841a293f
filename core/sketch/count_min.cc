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

constexpr std::array<CountMin::Places, CountMin::kChoices> CountMin::kPlaces = [] {
  std::array<Places, kChoices> all{};
  std::size_t n = 0;
  for (unsigned a = 0; a < kCountersPerLine; ++a) {
    for (unsigned b = a + 1; b < kCountersPerLine; ++b) {
      for (unsigned c = b + 1; c < kCountersPerLine; ++c) {
        all[n++] = static_cast<Places>(a | b << 4 | c << 8);
      }
    }
  }
  return all;
}();

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
  const double lines = std::ceil(counters * sizeof(std::uint32_t) / kLineBytes);
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
    for (float& count : line.hot_counts) count = std::min(count * scale, kMaxCount);
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
    merge_line(lines_[l], other.lines_[l], scale, most);
  }
  return {};
}

// Counters add up. A hot id's count is what both lines say of it; the hottest stay hot, the others
// go back to the counters.
void CountMin::merge_line(Line& line, const Line& other, float scale, float most) {
  struct Hot {
    std::uint32_t key;
    float count;
  };
  std::array<Hot, std::size_t{2} * kHotPerLine> hot{};
  std::size_t known = 0;
  const auto collect = [&](const Line& from) {
    for (std::uint32_t h = 0; h < kHotPerLine; ++h) {
      const std::uint32_t key = from.hot_keys[h];
      if (from.hot_counts[h] == 0.0F ||
          std::any_of(hot.begin(), hot.begin() + known, [&](Hot k) { return k.key == key; })) {
        continue;
      }
      const float both = estimate_in(line, key) + estimate_in(other, key) * scale;
      hot[known++] = {key, std::min(both, most)};
    }
  };
  collect(line);
  collect(other);
  std::stable_sort(hot.begin(), hot.end(), [](Hot a, Hot b) { return a.count > b.count; });
  for (std::uint32_t i = 0; i < kCountersPerLine; ++i) {
    line.counters[i] = std::min(line.counters[i] + other.counters[i] * scale, most);
  }
  for (std::uint32_t h = 0; h < kHotPerLine; ++h) {
    line.hot_keys[h] = hot[h].key;
    line.hot_counts[h] = hot[h].count;
  }
  for (std::size_t h = kHotPerLine; h < known; ++h) {
    raise_counters(line, hot[h].key, hot[h].count);
  }
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
  const auto valid = [most](float count) { return count >= 0.0F && count <= most; };
  for (const Line& line : lines_.span()) {
    if (!std::all_of(std::begin(line.counters), std::end(line.counters), valid) ||
        !std::all_of(std::begin(line.hot_counts), std::end(line.hot_counts), valid)) {
      return give_up(ErrorCode::kCorrupt, "a counter is out of bounds");
    }
  }
  weight_ = weight;
  return {};
}

}  // namespace remapd::sketch
