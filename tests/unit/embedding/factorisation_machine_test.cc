#include "core/embedding/factorisation_machine.h"

#include <cmath>

#include <gtest/gtest.h>
#include <tbb/global_control.h>

#include "core/base/random.h"
#include "tests/unit/embedding/batches.h"

namespace remapd::embedding {
namespace {

constexpr std::uint32_t kUsers = 60;
constexpr std::uint32_t kItems = 40;

FactorisationMachine::Config config_of(std::uint64_t seed = 1) {
  FactorisationMachine::Config config;
  config.factors = 4;
  config.seed = seed;
  return config;
}

FactorisationMachine machine(const FactorisationMachine::Config& config = config_of()) {
  const std::vector<std::uint32_t> slots{kUsers, kItems};
  FactorisationMachine out(config, slots);
  out.admit(TableIndex{0}, all_slots(kUsers), ids_for(kUsers, 0));
  out.admit(TableIndex{1}, all_slots(kItems), ids_for(kItems, 1));
  return out;
}

// Users are of one of four kinds by slot % 4, items of two by slot % 2: kinds 0 and 1 are more and
// less generous, kind 2 likes even items, kind 3 odd ones.
double planted(Slot user, Slot item) {
  constexpr double kLogit = 2.5;
  switch (user % 4) {
    case 0:
      return kLogit;
    case 1:
      return -kLogit;
    case 2:
      return item % 2 == 0 ? kLogit : -kLogit;
    default:
      return item % 2 == 0 ? -kLogit : kLogit;
  }
}

// Users behave like the slots that `role` gives for theirs.
std::vector<Sample> ratings(
    std::size_t count, std::uint64_t seed, Slot (*role)(Slot) = [](Slot user) { return user; }) {
  Random random(seed);
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    const auto user = static_cast<Slot>(random.below(kUsers));
    const auto item = static_cast<Slot>(random.below(kItems));
    const double p = 1 / (1 + std::exp(-planted(role(user), item)));
    sample.slots = {{user}, {item}};
    sample.label = random.uniform() < p ? 1.0F : 0.0F;
  }
  return samples;
}

// Mean squared distance of pairs of the table's ids that are of one kind, relative to all pairs.
double spread_within_kinds(const std::vector<float>& embedding, std::size_t d, std::size_t kinds) {
  const std::size_t n = embedding.size() / d;
  double within = 0;
  double all = 0;
  double within_pairs = 0;
  double pairs = 0;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = a + 1; b < n; ++b) {
      const double distance = squared_distance(&embedding[a * d], &embedding[b * d], d);
      all += distance;
      ++pairs;
      if (a % kinds != b % kinds) continue;
      within += distance;
      ++within_pairs;
    }
  }
  return within / within_pairs / (all / pairs);
}

TEST(FactorisationMachine, LearnsAPlantedModel) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    FactorisationMachine learner = machine(config_of(seed));
    const auto untrained = learner.embed(TableIndex{0}, all_slots(kUsers));
    EXPECT_GT(spread_within_kinds(untrained, learner.dimension(), 4), 0.8);
    learn(learner, ratings(40'000, seed), 64);
    const auto users = learner.embed(TableIndex{0}, all_slots(kUsers));
    const auto items = learner.embed(TableIndex{1}, all_slots(kItems));
    ASSERT_EQ(users.size(), kUsers * learner.dimension());
    ASSERT_EQ(learner.dimension(), 5U);
    EXPECT_LT(spread_within_kinds(users, learner.dimension(), 4), 0.15) << "seed " << seed;
    EXPECT_LT(spread_within_kinds(items, learner.dimension(), 2), 0.15) << "seed " << seed;
  }
}

// embed() promises that squared distances are expected squared changes of the logit when two ids
// are exchanged. Generous and stingy users differ by 5 in every sample, those who like even and odd
// items by 5 in every sample, generous ones and lovers of even items by 5 in every other sample.
TEST(FactorisationMachine, EmbedsByWhatExchangingIdsWouldDo) {
  FactorisationMachine learner = machine();
  learn(learner, ratings(60'000, 4), 64);
  const std::size_t d = learner.dimension();
  const auto users = learner.embed(TableIndex{0}, all_slots(kUsers));
  const auto mean = [&](Slot a, Slot b) {
    double sum = 0;
    for (Slot i = 0; i < kUsers; i += 4) {
      sum += squared_distance(&users[(i + a) * d], &users[(i + b) * d], d);
    }
    return sum / (kUsers / 4);
  };
  const double opposite = mean(0, 1);
  EXPECT_NEAR(std::sqrt(opposite), 5, 1.5);
  EXPECT_NEAR(mean(2, 3) / opposite, 1, 0.4);
  EXPECT_NEAR(mean(0, 2) / opposite, 0.5, 0.2);
  EXPECT_NEAR(mean(1, 3) / opposite, 0.5, 0.2);
}

TEST(FactorisationMachine, IsTheSameForAnyThreadCount) {
  std::vector<Bytes> states;
  for (const std::size_t threads : {1UL, 2UL, 4UL}) {
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    FactorisationMachine learner = machine();
    learn(learner, ratings(5000, 5), 64);
    states.push_back(saved(learner));
  }
  EXPECT_EQ(states[1], states[0]);
  EXPECT_EQ(states[2], states[0]);
}

// Parameters are frozen within a mini-batch and every id makes one step: the order of samples in it
// changes rounding at most.
TEST(FactorisationMachine, LearnsTheSameFromAMiniBatchInAnyOrder) {
  std::vector<Sample> samples = ratings(2000, 6);
  FactorisationMachine forward = machine();
  FactorisationMachine shuffled = machine();
  Random random(7);
  for (std::size_t at = 0; at < samples.size(); at += 50) {
    learn(forward, batch_of(samples, at, at + 50));
    random.shuffle(std::span(samples).subspan(at, 50));
    learn(shuffled, batch_of(samples, at, at + 50));
  }
  const auto a = forward.embed(TableIndex{0}, all_slots(kUsers));
  const auto b = shuffled.embed(TableIndex{0}, all_slots(kUsers));
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-3);
}

TEST(FactorisationMachine, LearnsNothingFromUnlabelledSamplesButTheirContext) {
  FactorisationMachine learner = machine();
  std::vector<Sample> samples = ratings(500, 8);
  for (Sample& sample : samples) sample.label = std::nanf("");
  const Bytes before = saved(learner);
  learn(learner, samples, 50);
  const Bytes after = saved(learner);
  // Biases and parameters are as they were; the moments of contexts are not. State begins with two
  // floats of bias, then the first table's parameters (count, then 8 floats an id).
  const std::size_t parameters = 8 + 8 + kUsers * 8 * sizeof(float);
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + parameters, after.begin()));
  EXPECT_NE(after, before);
}

TEST(FactorisationMachine, CountsAWeightAsThatManyGradients) {
  FactorisationMachine once = machine();
  FactorisationMachine twice = machine();
  std::vector<Sample> samples = ratings(1, 9);
  samples[0].weight = 2;
  learn(once, batch_of(samples, 0, 1));
  samples[0].weight = 1;
  samples.push_back(samples[0]);
  learn(twice, batch_of(samples, 0, 2));
  const auto a = once.embed(TableIndex{0}, samples[0].slots[0]);
  // The contexts' moments differ by a count that embed() divides out.
  const auto b = twice.embed(TableIndex{0}, samples[0].slots[0]);
  EXPECT_NEAR(a[0], b[0], 1e-3);
}

TEST(FactorisationMachine, PassesOverIdsThatAreNotTracked) {
  FactorisationMachine with = machine();
  FactorisationMachine without = machine();
  std::vector<Sample> samples = ratings(1000, 10);
  learn(without, samples, 50);
  for (Sample& sample : samples) sample.slots[1].push_back(kNoSlot);
  learn(with, samples, 50);
  EXPECT_EQ(saved(with), saved(without));
}

TEST(FactorisationMachine, TakesSeveralColumnsOfOneTableAndListsOfAnyLength) {
  const std::vector<std::uint32_t> slots{kUsers};
  FactorisationMachine learner(config_of(), slots);
  learner.admit(TableIndex{0}, all_slots(kUsers), ids_for(kUsers, 0));
  std::vector<Sample> samples;
  Random random(11);
  for (int s = 0; s < 3000; ++s) {
    Sample sample{.slots = {{}, {}}};
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      sample.slots[0].push_back(static_cast<Slot>(random.below(kUsers / 2)));
    }
    sample.slots[1].push_back(static_cast<Slot>(random.below(kUsers)));
    const bool even = sample.slots[1][0] % 2 == 0;
    sample.label = even ? 1.0F : 0.0F;
    samples.push_back(sample);
  }
  for (std::size_t at = 0; at < samples.size(); at += 50) {
    learn(learner, batch_of(samples, at, at + 50, {0, 0}));
  }
  const std::size_t d = learner.dimension();
  const auto embedding = learner.embed(TableIndex{0}, all_slots(kUsers));
  double even = 0;
  double odd = 0;
  for (Slot slot = kUsers / 2; slot < kUsers; ++slot) {
    (slot % 2 == 0 ? even : odd) += embedding[slot * d];  // U's first row weighs the bias most
  }
  EXPECT_GT(even, odd + 1);
}

// A slot that is given to another id starts again, from what that id's hash gives.
TEST(FactorisationMachine, StartsAnAdmittedIdAfresh) {
  FactorisationMachine learner = machine();
  const std::vector<Slot> slot{3};
  learn(learner, ratings(5000, 12), 50);
  const auto learned = learner.embed(TableIndex{0}, slot);
  const Bytes state = saved(learner);
  learner.admit(TableIndex{0}, slot, std::vector<Id>{ids_for(kUsers, 0)[3]});
  const auto fresh = learner.embed(TableIndex{0}, slot);
  EXPECT_NE(learned, fresh);
  learner.admit(TableIndex{0}, slot, std::vector<Id>{99});
  EXPECT_NE(learner.embed(TableIndex{0}, slot), fresh);
  learner.admit(TableIndex{0}, slot, std::vector<Id>{ids_for(kUsers, 0)[3]});
  EXPECT_EQ(learner.embed(TableIndex{0}, slot), fresh);
  // Nobody else is touched.
  const std::vector<Slot> others{2, 4};
  FactorisationMachine untouched = machine();
  ByteReader in(state);
  ASSERT_TRUE(untouched.load(in));
  EXPECT_EQ(learner.embed(TableIndex{0}, others), untouched.embed(TableIndex{0}, others));
}

// New ids whose every access is alike: what is learned at one helps at the next. New ids whose
// accesses are coin flips: it does not.
TEST(FactorisationMachine, TellsWhetherNewIdsAreWorthLearning) {
  for (const bool persistent : {true, false}) {
    FactorisationMachine learner = machine();
    Random random(13);
    for (int round = 0; round < 400; ++round) {
      std::vector<Sample> samples;
      for (int s = 0; s < 20; ++s) {
        const auto item = static_cast<Slot>(random.below(kItems));
        const bool likes = persistent ? item % 2 == 0 : random.below(2) == 0;
        samples.push_back({.slots = {{static_cast<Slot>(random.below(kUsers))}, {item}},
                           .label = likes ? 1.0F : 0.0F});
      }
      SlotBatch batch = batch_of(samples, 0, samples.size());
      batch.columns[1].is_new_id.assign(batch.columns[1].slots.size(), 1);
      learn(learner, batch);
    }
    EXPECT_EQ(learner.new_id_persistence(TableIndex{0}), std::nullopt);  // no new ids there
    const double items = learner.new_id_persistence(TableIndex{1}).value();
    if (persistent) {
      EXPECT_GT(items, 0.5);
    } else {
      EXPECT_LT(std::abs(items), 0.1);
    }
  }
}

// After 5,000 accesses of each user another 200, in which a quarter of the users are of each kind
// by slot / 15 instead.
TEST(FactorisationMachine, FollowsIdsThatComeToBehaveDifferently) {
  const auto spread = [](const FactorisationMachine& learner) {
    std::vector<Slot> by_new_kind(kUsers);
    for (Slot i = 0; i < kUsers; ++i) by_new_kind[i] = i % 4 * (kUsers / 4) + i / 4;
    const std::vector<float> embedding = learner.embed(TableIndex{0}, by_new_kind);
    return spread_within_kinds(embedding, learner.dimension(), 4);
  };
  FactorisationMachine learner = machine();
  learn(learner, ratings(5000 * kUsers, 21), 64);
  EXPECT_GT(learner.horizon(TableIndex{0}).accesses(), 1000) << "nothing has changed";
  const double before = spread(learner);
  EXPECT_GT(before, 0.8) << "kinds to come tell nothing yet";
  const auto changed = ratings(200 * kUsers, 22, [](Slot user) { return user / (kUsers / 4); });
  float least = AccessHorizon::kUnbounded;
  for (std::size_t at = 0; at < changed.size(); at += 640) {
    learn(learner,
          {changed.begin() + static_cast<std::ptrdiff_t>(at),
           changed.begin() + static_cast<std::ptrdiff_t>(std::min(at + 640, changed.size()))},
          64);
    least = std::min(least, learner.horizon(TableIndex{0}).accesses());
  }
  EXPECT_LT(least, 100);
  EXPECT_LT(spread(learner), 0.2);
}

// As well as without, but for larger steps; without sums the same.
TEST(FactorisationMachine, LearnsWithAHorizonThatIsSet) {
  const auto samples = ratings(300 * kUsers, 23);
  const auto spread = [&](std::optional<double> accesses) {
    FactorisationMachine learner = machine();
    for (std::uint32_t t = 0; accesses && t < 2; ++t) learner.set_horizon(TableIndex{t}, *accesses);
    learn(learner, samples, 64);
    std::vector<Slot> all(kUsers);
    for (Slot i = 0; i < kUsers; ++i) all[i] = i;
    return spread_within_kinds(learner.embed(TableIndex{0}, all), learner.dimension(), 4);
  };
  EXPECT_EQ(spread(0), spread(std::nullopt)) << "nothing changes, so nothing is forgotten";
  EXPECT_LT(spread(1), 2 * spread(0) + 0.05) << "the shortest, 25 accesses";
}

TEST(FactorisationMachine, GoesOnFromASavedState) {
  FactorisationMachine undisturbed = machine();
  learn(undisturbed, ratings(3000, 14), 64);
  FactorisationMachine restored(config_of(), std::vector<std::uint32_t>{kUsers, kItems});
  const Bytes state = saved(undisturbed);
  ByteReader in(state);
  ASSERT_TRUE(restored.load(in));
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(saved(restored), state);
  learn(undisturbed, ratings(1000, 15), 64);
  learn(restored, ratings(1000, 15), 64);
  EXPECT_EQ(saved(restored), saved(undisturbed));
}

TEST(FactorisationMachine, RefusesStateOfAnotherShape) {
  const Bytes state = saved(machine());
  for (std::size_t size = 0; size < state.size(); size += 1 + size / 20) {
    FactorisationMachine learner = machine();
    ByteReader in(ByteView(state).first(size));
    const auto loaded = learner.load(in);
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  }
  FactorisationMachine other(config_of(), std::vector<std::uint32_t>{kUsers + 1, kItems});
  ByteReader in(state);
  EXPECT_FALSE(other.load(in));
}

}  // namespace
}  // namespace remapd::embedding
