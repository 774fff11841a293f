#include "core/embedding/co_access_graph.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include "core/base/random.h"
#include "core/embedding/spectral_embedding.h"
#include "tests/unit/embedding/batches.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kUsers = 300;
constexpr std::uint32_t kItems = 200;
constexpr std::uint32_t kCommunities = 10;  // of users and of items, by slot % 10

constexpr std::size_t kDimension = 65;

std::vector<float> embed(const CoAccessGraph& graph, TableIndex table,
                         std::span<const Slot> slots) {
  return SpectralEmbedding({}, graph.snapshot()).embed(table, slots);
}

CoAccessGraph graph(std::uint64_t seed = 1) {
  return graph_of(kUsers, kItems, seed);
}

// A user with one item; nine in ten of his own community.
std::vector<Sample> visits(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    const auto user = static_cast<Slot>(random.below(kUsers));
    const Slot community =
        random.below(10) == 0 ? static_cast<Slot>(random.below(kCommunities)) : user % kCommunities;
    const auto item = static_cast<Slot>(community + kCommunities * random.below(kItems / 10));
    sample.slots = {{user}, {item}};
  }
  return samples;
}

// Share of the ids whose nearest neighbour is of their own community (by chance: one in ten).
double nearest_are_alike(const std::vector<float>& embedding, std::size_t d) {
  const std::size_t n = embedding.size() / d;
  double alike = 0;
  for (std::size_t a = 0; a < n; ++a) {
    std::size_t nearest = a == 0 ? 1 : 0;
    double best = 1e30;
    for (std::size_t b = 0; b < n; ++b) {
      const double distance = squared_distance(&embedding[a * d], &embedding[b * d], d);
      if (b != a && distance < best) {
        best = distance;
        nearest = b;
      }
    }
    alike += nearest % kCommunities == a % kCommunities ? 1 : 0;
  }
  return alike / static_cast<double>(n);
}

TEST(CoAccessGraph, FindsPlantedCommunities) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CoAccessGraph learner = graph(seed);
    learn(learner, visits(12'000, seed), 64);
    const auto users = embed(learner, TableIndex{0}, all_slots(kUsers));
    const auto items = embed(learner, TableIndex{1}, all_slots(kItems));
    EXPECT_GT(nearest_are_alike(users, kDimension), 0.9) << "seed " << seed;
    EXPECT_GT(nearest_are_alike(items, kDimension), 0.9) << "seed " << seed;
  }
}

TEST(CoAccessGraph, EmbedsAsUnitVectorsAndPopularity) {
  CoAccessGraph learner = graph();
  learn(learner, visits(2000, 4), 64);
  const std::size_t d = kDimension;
  const auto users = embed(learner, TableIndex{0}, all_slots(kUsers));
  ASSERT_EQ(users.size(), kUsers * d);
  const std::vector<float> origin(d, 0.0F);
  for (Slot slot = 0; slot < kUsers; ++slot) {
    EXPECT_NEAR(squared_distance(&users[slot * d], origin.data(), d - 1), 1, 1e-5);
  }
  learn(learner, visits(2000, 5), 64);
  const auto later = embed(learner, TableIndex{0}, all_slots(kUsers));
  double growth = 0;
  for (Slot slot = 0; slot < kUsers; ++slot) {
    const std::size_t at = slot * d + d - 1;
    EXPECT_GE(later[at], users[at]);
    growth += later[at] - users[at];
  }
  EXPECT_GT(growth, 0.1 * kUsers);  // twice the accesses: a quarter each
}

TEST(CoAccessGraph, StartsFromRandomDirections) {
  const CoAccessGraph learner = graph();
  const auto users = embed(learner, TableIndex{0}, all_slots(kUsers));
  EXPECT_LT(nearest_are_alike(users, kDimension), 0.25);
}

TEST(CoAccessGraph, IsTheSameForAnyBatchingAndThreadCount) {
  const auto samples = visits(3000, 5);
  std::vector<Bytes> states;
  for (const std::size_t mini_batch : {1UL, 64UL, 3000UL}) {
    for (const std::size_t threads : {1UL, 2UL}) {
      const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
      CoAccessGraph learner = graph();
      learn(learner, samples, mini_batch);
      states.push_back(saved(learner));
    }
  }
  for (const Bytes& state : states) EXPECT_EQ(state, states[0]);
}

// A negative was shown, not chosen: it says nothing about who is seen with whom.
TEST(CoAccessGraph, LearnsFromPositivesAndUnlabelledSamplesOnly) {
  const auto samples = visits(500, 6);
  const auto learned = [&](float label) {
    auto labelled = samples;
    for (Sample& sample : labelled) sample.label = label;
    CoAccessGraph learner = graph();
    learn(learner, labelled, 50);
    return embed(learner, TableIndex{0}, all_slots(kUsers));
  };
  EXPECT_EQ(learned(1), learned(std::nanf("")));
  EXPECT_EQ(learned(0), embed(graph(), TableIndex{0}, all_slots(kUsers)));
}

TEST(CoAccessGraph, LeavesOutContextsThatAppearEverywhere) {
  // One item in every sample beside the planted ones: without a stop list all users are alike.
  auto samples = visits(12'000, 7);
  for (Sample& sample : samples) sample.slots[1].push_back(7);
  CoAccessGraph learner = graph();
  learn(learner, samples, 64);
  EXPECT_GT(nearest_are_alike(embed(learner, TableIndex{0}, all_slots(kUsers)), kDimension), 0.85);
}

TEST(CoAccessGraph, TakesLongListsWithinItsBounds) {
  CoAccessGraph learner = graph();
  std::vector<Sample> samples(20);
  for (Sample& sample : samples) sample.slots = {{}, all_slots(kItems)};
  samples.push_back({.slots = {{}, {}}});
  samples.push_back({.slots = {{kNoSlot}, {kNoSlot, 3}}});
  samples.push_back({.slots = {{5}, std::vector<Slot>(1000, 9)}});
  const std::size_t memory = learner.memory_bytes();
  learn(learner, samples, 7);
  EXPECT_EQ(learner.memory_bytes(), memory);
  for (const float x : embed(learner, TableIndex{1}, all_slots(kItems))) {
    EXPECT_TRUE(std::isfinite(x));
  }
}

// One item that is seen with everybody, so often that most of its accesses are not learned: first
// with users below `split`, then with the others.
struct FrequentItem {
  CoAccessSnapshot known;
  std::size_t early = 0;  // neighbours of the first half
  std::size_t late = 0;
};
FrequentItem learn_frequent_item(std::size_t accesses, std::size_t mini_batch, std::uint64_t seed) {
  constexpr std::uint32_t kMany = 3'000;  // users; so many that none is common
  constexpr Slot kSplit = kMany / 2;
  CoAccessGraph learner = graph_of(kMany, kItems, seed);
  Random random(seed);
  std::map<std::pair<std::uint32_t, Slot>, std::uint32_t> counts;
  std::vector<Sample> samples(accesses);
  for (std::size_t s = 0; s < accesses; ++s) {
    const auto user = static_cast<Slot>(random.below(kSplit));
    samples[s].slots = {{s < accesses / 2 ? user : kSplit + user}, {7}};
  }
  for (std::size_t at = 0; at < accesses; at += mini_batch) {
    SlotBatch batch = batch_of(samples, at, std::min(accesses, at + mini_batch));
    count_accesses(batch, counts);
    learn(learner, batch);
  }
  FrequentItem out{.known = learner.snapshot()};
  const Node item = kMany + 7;
  const std::size_t at = out.known.neighbours_at(item);
  for (std::size_t n = at; n < at + out.known.known(item); ++n) {
    ++(out.known.neighbours[n] < kSplit ? out.early : out.late);
  }
  return out;
}

// Learning one access in many, each for as many, keeps a uniform sample of all of them.
TEST(CoAccessGraph, SamplesTheAccessesOfFrequentIdsEvenly) {
  constexpr std::size_t kAccesses = 40'000;
  constexpr int kRuns = 20;
  std::size_t early = 0;
  std::size_t all = 0;
  double offered = 0;
  for (int run = 1; run <= kRuns; ++run) {
    const FrequentItem item = learn_frequent_item(kAccesses, 512, static_cast<std::uint64_t>(run));
    EXPECT_EQ(item.early + item.late, 63U);
    early += item.early;
    all += item.early + item.late;
    offered += item.known.offered[3'000 + 7] / (kRuns * static_cast<double>(kAccesses));
  }
  EXPECT_NEAR(static_cast<double>(early) / static_cast<double>(all), 0.5, 0.08);
  EXPECT_NEAR(offered, 1, 0.1);
}

TEST(CoAccessGraph, LearnsTheSameOfFrequentIdsForAnyBatching) {
  const FrequentItem expected = learn_frequent_item(5'000, 5'000, 1);
  for (const std::size_t mini_batch : {1UL, 77UL, 1'024UL}) {
    const FrequentItem item = learn_frequent_item(5'000, mini_batch, 1);
    EXPECT_TRUE(std::ranges::equal(item.known.neighbours.span(), expected.known.neighbours.span()));
    EXPECT_TRUE(std::ranges::equal(item.known.offered.span(), expected.known.offered.span()));
  }
}

// After its eviction nobody's embedding follows the slot's former id, and the id that gets the slot
// starts from its own hash.
TEST(CoAccessGraph, ForgetsEvictedIds) {
  CoAccessGraph learner = graph();
  learn(learner, visits(12'000, 8), 64);
  const std::vector<Slot> slot{0};
  learner.evict(std::vector<std::vector<Slot>>{{}, slot});
  learner.admit(TableIndex{1}, slot, std::vector<Id>{777});
  const auto fresh = embed(learner, TableIndex{1}, slot);
  EXPECT_NE(fresh, embed(graph(), TableIndex{1}, slot));
  CoAccessGraph newly_made = graph();
  newly_made.admit(TableIndex{1}, slot, std::vector<Id>{777});
  EXPECT_EQ(embed(newly_made, TableIndex{1}, slot), fresh) << "nobody has seen it with anyone yet";

  // The new id joins another community.
  std::vector<Sample> samples(40);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    samples[s].slots = {{static_cast<Slot>(5 + 10 * (s % 30))}, {0}};
  }
  learn(learner, samples, 8);
  const std::size_t d = kDimension;
  const auto items = embed(learner, TableIndex{1}, all_slots(kItems));
  const auto mean = [&](Slot community) {
    double sum = 0;
    int count = 0;
    for (Slot other = community; other < kItems; other += kCommunities) {
      if (other == 0) continue;
      sum += squared_distance(&items[0], &items[other * d], d);
      ++count;
    }
    return sum / count;
  };
  EXPECT_LT(mean(5), mean(0));
}

// A slot that is given away again and again, more often than generations can be told apart: each of
// its ids is known to the one user that saw it, and that only until it goes.
TEST(CoAccessGraph, TellsAllIdsOfASlotApart) {
  constexpr Slot kItem = 7;
  CoAccessGraph learner = graph();
  for (Slot user = 0; user < kUsers; ++user) {
    learner.evict(std::vector<std::vector<Slot>>{{}, {kItem}});
    learner.admit(TableIndex{1}, std::vector<Slot>{kItem}, std::vector<Id>{user});
    learn(learner, {Sample{.slots = {{user}, {kItem}}}}, 1);
    const CoAccessSnapshot known = learner.snapshot();
    for (Slot other = 0; other <= user; ++other) {
      ASSERT_EQ(known.known(other), 1U) << other;
      EXPECT_EQ(known.neighbours[known.neighbours_at(other)],
                other == user ? kUsers + kItem : kNobody)
          << "user " << other << " when " << user << " saw it";
    }
    ASSERT_EQ(known.known(kUsers + kItem), 1U);
    EXPECT_EQ(known.neighbours[known.neighbours_at(kUsers + kItem)], user);
  }
}

// One item in every sample: soon common, and left out from then on.
std::vector<Sample> visits_with_a_common_item(std::size_t count, std::uint64_t seed) {
  auto samples = visits(count, seed);
  for (Sample& sample : samples) sample.slots[1].push_back(7);
  return samples;
}

// Between two looks at who is common, and right at one.
TEST(CoAccessGraph, GoesOnFromAStateSavedAnywhere) {
  for (const std::size_t learned : {500UL, 1'024UL, 3'000UL}) {
    CoAccessGraph undisturbed = graph();
    learn(undisturbed, visits_with_a_common_item(learned, 11), 64);
    const Bytes state = saved(undisturbed);
    CoAccessGraph restored(CoAccessGraph::Config{}, std::vector<std::uint32_t>{kUsers, kItems});
    ByteReader in(state);
    ASSERT_TRUE(restored.load(in)) << learned;
    EXPECT_EQ(saved(restored), state) << learned;
    for (CoAccessGraph* learner : {&undisturbed, &restored}) {
      learn(*learner, visits_with_a_common_item(2'000, 12), 64);
    }
    EXPECT_EQ(saved(restored), saved(undisturbed)) << learned;
  }
}

// An id that gets the slot of a common one that was evicted serves as context again.
TEST(CoAccessGraph, ForgetsThatAnEvictedIdWasCommon) {
  CoAccessGraph learner = graph();
  learn(learner, visits_with_a_common_item(3'000, 13), 64);
  const std::vector<Slot> slot{7};
  learner.evict(std::vector<std::vector<Slot>>{{}, slot});
  learner.admit(TableIndex{1}, slot, std::vector<Id>{777});
  CoAccessGraph fresh = graph();
  fresh.admit(TableIndex{1}, slot, std::vector<Id>{777});
  const std::vector<Sample> together(20, Sample{.slots = {{0}, {7}}});
  // User 0 has seen others before; as a new id it has seen nobody but the item.
  for (CoAccessGraph* graph : {&learner, &fresh}) {
    graph->evict(std::vector<std::vector<Slot>>{{0}, {}});
    graph->admit(TableIndex{0}, std::vector<Slot>{0}, std::vector<Id>{778});
    learn(*graph, together, 20);
  }
  // Its popularity counts the contexts it was offered.
  const std::size_t d = kDimension;
  EXPECT_EQ(embed(learner, TableIndex{0}, std::vector<Slot>{0})[d - 1],
            embed(fresh, TableIndex{0}, std::vector<Slot>{0})[d - 1]);
}

TEST(CoAccessGraph, GoesOnFromASavedState) {
  CoAccessGraph undisturbed = graph();
  learn(undisturbed, visits(3000, 9), 64);
  CoAccessGraph restored(CoAccessGraph::Config{}, std::vector<std::uint32_t>{kUsers, kItems});
  const Bytes state = saved(undisturbed);
  ByteReader in(state);
  ASSERT_TRUE(restored.load(in));
  EXPECT_EQ(in.remaining(), 0U);
  for (CoAccessGraph* learner : {&undisturbed, &restored}) {
    learn(*learner, visits(1000, 10), 64);
  }
  EXPECT_EQ(saved(restored), saved(undisturbed));
}

TEST(CoAccessGraph, RefusesStateThatDoesNotFit) {
  const Bytes state = saved(graph());
  for (std::size_t size = 0; size < state.size(); size += 1 + size / 20) {
    CoAccessGraph learner = graph();
    ByteReader in(ByteView(state).first(size));
    const auto loaded = learner.load(in);
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  }
  CoAccessGraph other(CoAccessGraph::Config{}, std::vector<std::uint32_t>{kUsers, kItems + 1});
  ByteReader in(state);
  EXPECT_FALSE(other.load(in));
  // A neighbour beyond the last node: samples and the count of neighbours stand before the first.
  Bytes bad = state;
  const std::uint32_t beyond = kUsers + kItems;
  std::memcpy(bad.data() + 16, &beyond, sizeof(beyond));
  CoAccessGraph learner = graph();
  ByteReader damaged(bad);
  EXPECT_FALSE(learner.load(damaged));
}

TEST(CoAccessGraph, RefusesCommonIdsThatAreNot) {
  CoAccessGraph learner = graph();
  learn(learner, visits_with_a_common_item(3'000, 14), 64);
  const Bytes state = saved(learner);
  // At the end: the bound, the list of common ids (one), the list of those to come (none).
  constexpr std::size_t kListBytes = 8 + 4 + 8;
  const std::uint64_t beyond = std::uint64_t{1} << 40;
  Bytes bad = state;
  std::memcpy(bad.data() + bad.size() - kListBytes - 8, &beyond, sizeof(beyond));
  ByteReader bound(bad);
  EXPECT_FALSE(graph().load(bound));
  bad = state;
  const std::uint32_t nobody = kUsers + kItems;
  std::memcpy(bad.data() + bad.size() - 8 - 4, &nobody, sizeof(nobody));
  ByteReader node(bad);
  EXPECT_FALSE(graph().load(node));
}

}  // namespace
}  // namespace remapd::embedding
