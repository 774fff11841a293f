#include "core/embedding/spectral_embedding.h"

#include <thread>

#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include "core/base/random.h"
#include "tests/unit/embedding/batches.h"

namespace remapd::embedding {
namespace {

// More than a task's nodes, and slots that were never used between those that were.
constexpr std::uint32_t kUsers = 20'000;
constexpr std::uint32_t kItems = 900;

CoAccessGraph graph() {
  return graph_of(kUsers, kItems, 1, kUsers);
}

std::vector<Sample> visits(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    sample.slots = {{static_cast<Slot>(random.below(kUsers))},
                    {static_cast<Slot>(random.below(kItems))}};
  }
  return samples;
}

TEST(SpectralEmbedding, IsTheSameForAnyThreadCount) {
  CoAccessGraph learner = graph();
  learn(learner, visits(60'000, 1), 64);
  std::vector<std::vector<float>> embeddings;
  for (const std::size_t threads : {1UL, 2UL}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    const SpectralEmbedding embedding({}, learner.snapshot());
    embeddings.push_back(embedding.embed(TableIndex{0}, all_slots(kUsers)));
  }
  ASSERT_EQ(embeddings[0].size(), kUsers * SpectralEmbedding({}, learner.snapshot()).dimension());
  EXPECT_EQ(embeddings[0], embeddings[1]);
}

TEST(SpectralEmbedding, IsOfTheMomentTheSnapshotWasTaken) {
  CoAccessGraph learner = graph();
  learn(learner, visits(20'000, 2), 64);
  const SpectralEmbedding embedding({}, learner.snapshot());
  const SpectralEmbedding at_once({}, learner.snapshot());
  const auto expected = at_once.embed(TableIndex{1}, all_slots(kItems));
  learn(learner, visits(20'000, 3), 64);
  const std::vector<Slot> gone{3, 5};
  learner.evict(std::vector<std::vector<Slot>>{gone, gone});
  EXPECT_EQ(embedding.embed(TableIndex{1}, all_slots(kItems)), expected);
  EXPECT_NE(SpectralEmbedding({}, learner.snapshot()).embed(TableIndex{1}, all_slots(kItems)),
            expected);
}

// It is computed by whoever asks first; those that ask meanwhile wait.
TEST(SpectralEmbedding, ServesSeveralThreads) {
  CoAccessGraph learner = graph();
  learn(learner, visits(20'000, 4), 64);
  const SpectralEmbedding embedding({}, learner.snapshot());
  std::vector<std::vector<float>> seen(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : seen) {
      threads.emplace_back([&] { mine = embedding.embed(TableIndex{1}, all_slots(kItems)); });
    }
  }
  for (const auto& mine : seen) EXPECT_EQ(mine, seen[0]);
  EXPECT_EQ(SpectralEmbedding({}, learner.snapshot()).embed(TableIndex{1}, all_slots(kItems)),
            seen[0]);
}

}  // namespace
}  // namespace remapd::embedding
