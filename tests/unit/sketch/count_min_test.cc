#include "core/sketch/count_min.h"

#include <cmath>
#include <thread>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/support/golden.h"
#include "tests/support/textbook_count_min.h"
#include "tests/support/zipf.h"

namespace remapd::sketch {
namespace {

Bytes saved(const CountMin& sketch) {
  ByteWriter out;
  sketch.save(out);
  return std::move(out).take();
}

Result<void> load(CountMin& sketch, ByteView bytes) {
  ByteReader in(bytes);
  return sketch.load(in);
}

struct Stream {
  std::vector<std::uint64_t> hashes;
  std::unordered_map<std::uint64_t, double> truth;
};

Stream zipf_stream(std::uint64_t seed, std::size_t n, std::uint64_t universe, double exponent) {
  const support::Zipf zipf(universe, exponent);
  Random random(seed);
  Stream stream;
  stream.hashes.resize(n);
  for (std::uint64_t& hash : stream.hashes) {
    hash = mix64(hash_id(zipf(random), seed));
    stream.truth[hash] += 1;
  }
  return stream;
}

TEST(CountMin, NeverUnderestimates) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Stream stream = zipf_stream(seed, 100'000, 50'000, 0.9);
    CountMin sketch(64);
    for (const std::uint64_t hash : stream.hashes) sketch.add(hash);
    for (const auto& [hash, count] : stream.truth) {
      ASSERT_GE(sketch.estimate(hash), count) << "seed " << seed;
    }
  }
}

TEST(CountMin, IsExactWithoutCollisions) {
  CountMin sketch(1 << 16);
  sketch.add(mix64(1), 3);
  sketch.add(mix64(1));
  sketch.add(mix64(2), 0.25F);
  EXPECT_EQ(sketch.estimate(mix64(1)), 4);
  EXPECT_EQ(sketch.estimate(mix64(2)), 0.25);
  EXPECT_EQ(sketch.estimate(mix64(3)), 0);
}

// The same memory, the same stream: error over ids, and over accesses.
TEST(CountMin, ErrsLessThanATextbookSketch) {
  for (const double exponent : {0.8, 1.05, 1.3}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const Stream stream = zipf_stream(seed, 500'000, 200'000, exponent);
      for (const std::uint64_t kib : {64, 256, 1024}) {
        CountMin ours = CountMin::with_bytes(kib * 1024);
        support::TextbookCountMin textbook(kib * 1024, 4);
        for (const std::uint64_t hash : stream.hashes) {
          ours.add(hash);
          textbook.add(hash);
        }
        ASSERT_EQ(ours.memory_bytes(), kib * 1024);
        double our_ids = 0;
        double our_accesses = 0;
        double textbook_ids = 0;
        double textbook_accesses = 0;
        for (const auto& [hash, count] : stream.truth) {
          our_ids += ours.estimate(hash) - count;
          our_accesses += (ours.estimate(hash) - count) * count;
          textbook_ids += textbook.estimate(hash) - count;
          textbook_accesses += (textbook.estimate(hash) - count) * count;
        }
        EXPECT_LE(our_ids, textbook_ids) << exponent << ", seed " << seed << ", KiB " << kib;
        EXPECT_LE(our_accesses, textbook_accesses / 2)
            << exponent << ", seed " << seed << ", KiB " << kib;
      }
    }
  }
}

// The header's bound: error above N / (4 L p) for at most a share p of the ids.
TEST(CountMin, KeepsItsProvenBound) {
  const Stream stream = zipf_stream(9, 300'000, 100'000, 1.05);
  CountMin sketch(1024);
  for (const std::uint64_t hash : stream.hashes) sketch.add(hash);
  for (const double p : {0.1, 0.01}) {
    const double bound = 300'000 / (4 * 1024 * p);
    double beyond = 0;
    for (const auto& [hash, count] : stream.truth) beyond += sketch.estimate(hash) - count > bound;
    EXPECT_LE(beyond, p * static_cast<double>(stream.truth.size()));
  }
}

TEST(CountMin, SizesByBytesAndByAccuracy) {
  EXPECT_EQ(CountMin::with_bytes(0).lines(), 1U);
  EXPECT_EQ(CountMin::with_bytes(1000).lines(), 15U);
  // ceil(e / 0.001) = 2719 counters in ceil(ln 100) = 5 rows.
  EXPECT_EQ(CountMin::with_accuracy(0.001, 0.01).lines(), (2719 * 5 + 15) / 16U);
  EXPECT_EQ(CountMin::with_accuracy(0.9, 0.9).lines(), 1U);
}

TEST(CountMin, DecaysEveryCount) {
  CountMin sketch(1 << 14);
  std::vector<double> truth(100);
  Random random(3);
  for (int tick = 0; tick < 300; ++tick) {
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t id = random.below(truth.size());
      sketch.add(mix64(id));
      truth[id] += 1;
    }
    const double factor = tick % 50 == 49 ? 1e-13 : random.uniform();
    sketch.decay(factor);
    for (std::size_t id = 0; id < truth.size(); ++id) {
      truth[id] *= factor;
      ASSERT_NEAR(sketch.estimate(mix64(id)), truth[id], 1e-4 * truth[id] + 1e-30) << tick;
    }
  }
  sketch.decay(0);
  for (std::size_t id = 0; id < truth.size(); ++id) EXPECT_EQ(sketch.estimate(mix64(id)), 0);
}

TEST(CountMin, StopsAtTheLargestCountOfAFloat) {
  CountMin sketch(1);
  sketch.add(7, CountMin::kMaxCount - 1);
  sketch.add(7);
  EXPECT_EQ(sketch.estimate(7), CountMin::kMaxCount);
  sketch.add(7, 100);
  sketch.raise_to(7, 1e12);
  EXPECT_EQ(sketch.estimate(7), CountMin::kMaxCount);
  CountMin other(1);
  other.add(7, 10);
  ASSERT_TRUE(sketch.merge(other).has_value());
  EXPECT_EQ(sketch.estimate(7), CountMin::kMaxCount);
  sketch.decay(0.5);
  sketch.add(7, 10);
  EXPECT_EQ(sketch.estimate(7), CountMin::kMaxCount / 2 + 10);
}

TEST(CountMin, RaisesEstimatesButNeverLowersThem) {
  CountMin sketch(1 << 10);
  sketch.add(mix64(1), 5);
  sketch.raise_to(mix64(1), 3);
  EXPECT_EQ(sketch.estimate(mix64(1)), 5);
  sketch.decay(0.5);
  sketch.raise_to(mix64(1), 8);
  EXPECT_EQ(sketch.estimate(mix64(1)), 8);
}

TEST(CountMin, MergesToAnUpperBoundOfBothStreams) {
  Stream first = zipf_stream(11, 100'000, 30'000, 1.0);
  const Stream second = zipf_stream(11, 60'000, 30'000, 0.7);
  CountMin a(512);
  CountMin b(512);
  CountMin both(512);
  for (const std::uint64_t hash : first.hashes) a.add(hash);
  for (const std::uint64_t hash : second.hashes) b.add(hash);
  for (const std::uint64_t hash : first.hashes) both.add(hash);
  for (const std::uint64_t hash : second.hashes) both.add(hash);
  a.decay(0.5);  // units differ
  ASSERT_TRUE(a.merge(b).has_value());
  for (auto& [hash, count] : first.truth) count *= 0.5;
  for (const auto& [hash, count] : second.truth) first.truth[hash] += count;
  for (const auto& [hash, count] : first.truth) {
    ASSERT_GE(a.estimate(hash), count * (1 - 1e-6));
  }

  CountMin other_size(511);
  const auto merged = a.merge(other_size);
  ASSERT_FALSE(merged.has_value());
  EXPECT_EQ(merged.error().code, ErrorCode::kInvalidArgument);
}

TEST(CountMin, PartitionsByTheTopBitsOfTheHash) {
  const Stream stream = zipf_stream(13, 200'000, 50'000, 1.0);
  CountMin serial(1024);
  CountMin parallel(1024);
  for (const std::uint64_t hash : stream.hashes) serial.add(hash);
  std::vector<std::thread> threads;
  for (std::uint64_t part = 0; part < 4; ++part) {
    threads.emplace_back([&, part] {
      for (const std::uint64_t hash : stream.hashes) {
        if (hash >> 62 == part) parallel.add(hash);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(saved(parallel), saved(serial));
}

CountMin golden_sketch() {
  CountMin sketch(4);
  for (Id id = 0; id < 40; ++id) sketch.add(mix64(id), static_cast<float>(id % 9));
  sketch.decay(0.25);
  for (Id id = 20; id < 60; ++id) sketch.add(mix64(id));
  return sketch;
}

TEST(CountMin, WritesAndReadsTheGoldenFile) {
  const CountMin sketch = golden_sketch();
  const Bytes golden = support::golden("count-min-v1.remapd", saved(sketch));
  EXPECT_EQ(saved(sketch), golden);
  CountMin loaded(4);
  ASSERT_TRUE(load(loaded, golden).has_value());
  for (Id id = 0; id < 100; ++id) EXPECT_EQ(loaded.estimate(mix64(id)), sketch.estimate(mix64(id)));
  EXPECT_EQ(saved(loaded), golden);
}

TEST(CountMin, RefusesWhatItCannotTrust) {
  const Bytes good = saved(golden_sketch());
  CountMin sketch(4);
  for (std::size_t n = 0; n < good.size(); ++n) {
    const auto loaded = load(sketch, ByteView(good).first(n));
    ASSERT_FALSE(loaded.has_value()) << n;
    ASSERT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  }
  const auto with = [&](std::size_t at, auto value) {
    Bytes bad = good;
    std::memcpy(bad.data() + at, &value, sizeof(value));
    return load(sketch, bad);
  };
  EXPECT_FALSE(with(0, std::uint32_t{1}).has_value());
  EXPECT_FALSE(with(4, 0.5F).has_value());
  EXPECT_FALSE(with(4, std::nanf("")).has_value());
  EXPECT_FALSE(with(16, -1.0F).has_value());
  EXPECT_FALSE(with(16, std::nanf("")).has_value());
  EXPECT_FALSE(with(16, 3e38F).has_value());
  for (Id id = 0; id < 100; ++id) EXPECT_EQ(sketch.estimate(mix64(id)), 0);

  CountMin larger(5);
  const auto conflict = load(larger, good);
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, ErrorCode::kConflict);
}

TEST(CountMinDeathTest, RefusesImpossibleArguments) {
  EXPECT_DEATH(CountMin(0), "lines");
  EXPECT_DEATH(CountMin::with_accuracy(0, 0.1), "epsilon");
  EXPECT_DEATH(CountMin(1).decay(-0.1), "decay");
}

}  // namespace
}  // namespace remapd::sketch
