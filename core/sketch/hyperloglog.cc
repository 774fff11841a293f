#include "core/sketch/hyperloglog.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "core/base/check.h"

namespace remapd::sketch {
namespace {

constexpr std::uint32_t kMagic = 0x314c4852;  // "RHL1"

// Ertl, algorithm 6: x + sum_k x^(2^k) 2^(k-1).
double sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double y = 1.0;
  double z = x;
  for (double before = -1.0; z != before;) {
    before = z;
    x *= x;
    z += x * y;
    y += y;
  }
  return z;
}

// Ertl, algorithm 6: (1 - x - sum_k (1 - x^(2^-k))^2 2^-k) / 3.
double tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double y = 1.0;
  double z = 1.0 - x;
  for (double before = -1.0; z != before;) {
    before = z;
    x = std::sqrt(x);
    y *= 0.5;
    z -= (1.0 - x) * (1.0 - x) * y;
  }
  return z / 3.0;
}

}  // namespace

HyperLogLog::HyperLogLog(std::uint32_t precision) : precision_(precision) {
  REMAPD_CHECK(precision >= kMinPrecision && precision <= kMaxPrecision,
               "the precision of a HyperLogLog lies between 10 and 16");
  registers_.resize(std::size_t{1} << precision);
}

double HyperLogLog::relative_standard_error() const {
  return 1.04 / std::sqrt(static_cast<double>(registers_.size()));
}

double HyperLogLog::estimate() const {
  const std::uint32_t q = 64 - precision_;
  std::array<std::uint32_t, 66> with_rank{};
  for (const std::uint8_t rank : registers_) ++with_rank[rank];
  const auto m = static_cast<double>(registers_.size());
  double z = m * tau(1.0 - with_rank[q + 1] / m);
  for (std::uint32_t k = q; k >= 1; --k) z = 0.5 * (z + with_rank[k]);
  z += m * sigma(with_rank[0] / m);
  return m * m / (2.0 * std::numbers::ln2 * z);
}

Result<void> HyperLogLog::merge(const HyperLogLog& other) {
  if (other.precision_ != precision_) {
    return fail(ErrorCode::kInvalidArgument, "cannot merge HyperLogLogs of precision " +
                                                 std::to_string(precision_) + " and " +
                                                 std::to_string(other.precision_));
  }
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    registers_[i] = std::max(registers_[i], other.registers_[i]);
  }
  return {};
}

void HyperLogLog::save(ByteWriter& out) const {
  out.put(kMagic);
  out.put(precision_);
  out.put_array(std::span<const std::uint8_t>(registers_));
}

Result<void> HyperLogLog::load(ByteReader& in) {
  const auto magic = in.get<std::uint32_t>();
  const auto precision = in.get<std::uint32_t>();
  const auto give_up = [this](ErrorCode code, const std::string& message) {
    std::fill(registers_.begin(), registers_.end(), std::uint8_t{0});
    return fail(code, "HyperLogLog: " + message);
  };
  if (!in.ok()) return give_up(ErrorCode::kCorrupt, "ends within its header");
  if (magic != kMagic) return give_up(ErrorCode::kCorrupt, "does not start with RHL1");
  if (precision != precision_) {
    return give_up(ErrorCode::kConflict, "saved with precision " + std::to_string(precision) +
                                             ", configured with " + std::to_string(precision_));
  }
  in.get_array(std::span<std::uint8_t>(registers_));
  if (!in.ok()) return give_up(ErrorCode::kCorrupt, "ends within its registers");
  const std::uint32_t most = 64 - precision_ + 1;
  for (const std::uint8_t rank : registers_) {
    if (rank > most) return give_up(ErrorCode::kCorrupt, "a register is out of bounds");
  }
  return {};
}

}  // namespace remapd::sketch
