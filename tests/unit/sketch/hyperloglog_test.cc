#include "core/sketch/hyperloglog.h"

#include <cmath>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "tests/support/golden.h"

namespace remapd::sketch {
namespace {

Bytes saved(const HyperLogLog& sketch) {
  ByteWriter out;
  sketch.save(out);
  return std::move(out).take();
}

Result<void> load(HyperLogLog& sketch, ByteView bytes) {
  ByteReader in(bytes);
  return sketch.load(in);
}

TEST(HyperLogLog, AnEmptyStreamHasNoIds) {
  EXPECT_EQ(HyperLogLog().estimate(), 0);
}

// Estimates are taken on the way, so that small, middle and large counts are all checked.
TEST(HyperLogLog, EstimatesWithinFourStandardErrors) {
  struct Case {
    std::uint32_t precision;
    std::uint64_t most;
    std::uint64_t seeds;
  };
  for (const Case& c : {Case{10, 1'000'000, 3}, Case{14, 10'000'000, 3}, Case{16, 1'000'000, 2}}) {
    for (std::uint64_t seed = 1; seed <= c.seeds; ++seed) {
      HyperLogLog sketch(c.precision);
      const double bound = 4 * sketch.relative_standard_error();
      std::uint64_t next = 10;
      for (std::uint64_t n = 1; n <= c.most; ++n) {
        sketch.add(hash_id(n, seed));
        if (n != next) continue;
        const auto exact = static_cast<double>(n);
        // Below a few registers' worth the count is a whole number or two off at most.
        EXPECT_NEAR(sketch.estimate(), exact, std::max(bound * exact, 1.0))
            << "precision " << c.precision << ", seed " << seed;
        next = next * 10;
      }
    }
  }
}

TEST(HyperLogLog, RepeatedIdsChangeNothing) {
  HyperLogLog sketch(10);
  for (Id id = 0; id < 1000; ++id) sketch.add(mix64(id));
  const Bytes once = saved(sketch);
  for (Id id = 0; id < 1000; ++id) sketch.add(mix64(id));
  EXPECT_EQ(saved(sketch), once);
}

TEST(HyperLogLog, TakesEveryHash) {
  HyperLogLog sketch(16);
  for (std::uint64_t i = 0; i < 1 << 16; ++i) sketch.add(i << 48);
  // All registers at their largest rank: more than the estimator can tell from infinitely many.
  EXPECT_TRUE(std::isinf(sketch.estimate()));
  sketch = HyperLogLog(16);
  sketch.add(~0ULL);
  EXPECT_NEAR(sketch.estimate(), 1, 0.01);
}

TEST(HyperLogLog, AMergeIsTheUnion) {
  HyperLogLog a(12);
  HyperLogLog b(12);
  HyperLogLog both(12);
  for (Id id = 0; id < 30'000; ++id) {
    if (id < 20'000) a.add(mix64(id));
    if (id >= 10'000) b.add(mix64(id));
    both.add(mix64(id));
  }
  ASSERT_TRUE(a.merge(b).has_value());
  EXPECT_EQ(saved(a), saved(both));

  const auto merged = a.merge(HyperLogLog(13));
  ASSERT_FALSE(merged.has_value());
  EXPECT_EQ(merged.error().code, ErrorCode::kInvalidArgument);
}

HyperLogLog golden_sketch() {
  HyperLogLog sketch(10);
  for (Id id = 0; id < 700; ++id) sketch.add(mix64(id));
  return sketch;
}

TEST(HyperLogLog, WritesAndReadsTheGoldenFile) {
  const HyperLogLog sketch = golden_sketch();
  const Bytes golden = support::golden("hyperloglog-v1.remapd", saved(sketch));
  EXPECT_EQ(saved(sketch), golden);
  HyperLogLog loaded(10);
  ASSERT_TRUE(load(loaded, golden).has_value());
  EXPECT_EQ(loaded.estimate(), sketch.estimate());
  EXPECT_EQ(saved(loaded), golden);
}

TEST(HyperLogLog, RefusesWhatItCannotTrust) {
  const Bytes good = saved(golden_sketch());
  HyperLogLog sketch(10);
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto loaded = load(sketch, ByteView(good).first(n));
    ASSERT_FALSE(loaded.has_value()) << n;
    ASSERT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  }
  Bytes bad = good;
  bad[0] = std::byte{0};
  EXPECT_EQ(load(sketch, bad).error().code, ErrorCode::kCorrupt);
  bad = good;
  bad[100] = std::byte{56};  // ranks go up to 64 - 10 + 1
  EXPECT_EQ(load(sketch, bad).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(sketch.estimate(), 0);

  HyperLogLog finer(11);
  const auto conflict = load(finer, good);
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, ErrorCode::kConflict);
}

TEST(HyperLogLogDeathTest, RefusesImpossiblePrecisions) {
  EXPECT_DEATH(HyperLogLog(9), "precision");
  EXPECT_DEATH(HyperLogLog(17), "precision");
}

}  // namespace
}  // namespace remapd::sketch
