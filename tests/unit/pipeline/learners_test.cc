#include "core/pipeline/learners.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/unit/pipeline/sample_stream.h"

namespace remapd::pipeline {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kSlots = 50;

std::vector<sketch::Slot> all_slots() {
  std::vector<sketch::Slot> out(kSlots);
  for (sketch::Slot slot = 0; slot < kSlots; ++slot) out[slot] = slot;
  return out;
}

std::vector<Id> hashed_ids() {
  std::vector<Id> out;
  for (Id id = 0; id < kSlots; ++id) out.push_back(mix64(id));
  return out;
}

Learners::Tracked all_tracked(TableIndex) {
  return {all_slots(), hashed_ids()};
}

Learners learners(const EngineConfig& config) {
  Learners out(config, {kSlots, kSlots});
  out.admit(TableIndex{0}, all_slots(), hashed_ids());
  out.admit(TableIndex{1}, all_slots(), hashed_ids());
  return out;
}

// `labelled` of `samples` samples, of them `positive` with label 1.
void learn(Learners& into, std::size_t samples, std::size_t labelled, std::size_t positive) {
  embedding::SlotBatch batch;
  batch.samples = samples;
  batch.columns.resize(2);
  Random random(samples);
  for (std::uint32_t c = 0; c < 2; ++c) {
    auto& column = batch.columns[c];
    column.table = TableIndex{c};
    for (std::uint32_t s = 0; s <= samples; ++s) column.begin.push_back(s);
    for (std::size_t s = 0; s < samples; ++s) {
      column.slots.push_back(static_cast<sketch::Slot>(random.below(kSlots)));
    }
    column.is_new_id.assign(samples, 0);
    column.generation.assign(samples, 0);
    column.count.assign(samples, 0);
  }
  for (std::size_t s = 0; s < samples; ++s) {
    batch.labels.push_back(s < positive ? 1.0F : s < labelled ? 0.0F : std::nanf(""));
  }
  batch.weights.assign(samples, 1.0F);
  into.begin_for(batch.labels, all_tracked);
  std::vector<embedding::IdGroups> groups(2);
  for (std::uint32_t c = 0; c < 2; ++c) groups[c].find(batch, std::vector{c}, samples);
  into.learn(batch, groups, samples);
}

TEST(Learners, ChooseByLabels) {
  const EngineConfig config = two_tables();
  const struct {
    std::size_t samples;
    std::size_t labelled;
    std::size_t positive;
    LearnerChoice choice;
    const char* reason;
  } cases[] = {
      {0, 0, 0, LearnerChoice::kCoAccess, "no labels"},
      {1000, 0, 0, LearnerChoice::kCoAccess, "no labels"},
      {1000, 499, 250, LearnerChoice::kCoAccess, "too few labels"},
      {1000, 500, 250, LearnerChoice::kSupervised, "both classes"},
      {1000, 1000, 4, LearnerChoice::kCoAccess, "all of one class"},
      {1000, 1000, 5, LearnerChoice::kSupervised, "both classes"},
      {1000, 1000, 1000, LearnerChoice::kCoAccess, "all of one class"},
      {1000, 1000, 996, LearnerChoice::kCoAccess, "all of one class"},
      {1000, 1000, 0, LearnerChoice::kCoAccess, "all of one class"},
  };
  for (const auto& c : cases) {
    Learners subject = learners(config);
    learn(subject, c.samples, c.labelled, c.positive);
    const Learners::Choice choice = subject.choice(TableIndex{0});
    EXPECT_EQ(choice.learner, c.choice) << c.labelled << " labelled, " << c.positive << " positive";
    EXPECT_THAT(choice.reason, HasSubstr(c.reason));
    EXPECT_EQ(subject.samples(), c.samples);
    EXPECT_EQ(subject.labelled_samples(), c.labelled);
    EXPECT_EQ(subject.label_sum(), static_cast<double>(c.positive));
  }
}

TEST(Learners, ChooseByRecentLabels) {
  const EngineConfig config = two_tables();
  Learners subject = learners(config);
  learn(subject, 10'000, 10'000, 5'000);
  const auto later = [&](std::size_t labelled) {
    for (int tick = 0; tick < 20; ++tick) {
      learn(subject, 500, labelled, labelled / 2);
      subject.begin_or_end_at_tick(all_tracked);
    }
    return subject.choice(TableIndex{0}).learner;
  };
  EXPECT_EQ(later(500), LearnerChoice::kSupervised);
  EXPECT_EQ(later(0), LearnerChoice::kCoAccess) << "most labels of all time are long ago";
  EXPECT_EQ(later(500), LearnerChoice::kSupervised);
}

TEST(Learners, TellTheHorizonOfSupervisedTables) {
  EngineConfig config = two_tables();
  config.tables[0].horizon = 5000;
  config.tables[1].horizon = 0;
  Learners subject = learners(config);
  subject.set_horizon(TableIndex{0}, 60);
  EXPECT_EQ(subject.horizon_accesses(TableIndex{0}), 0) << "there is no machine";
  subject.begin_for(std::vector<float>{1}, all_tracked);
  learn(subject, 1000, 1000, 500);
  subject.set_horizon(TableIndex{0}, 60);
  EXPECT_EQ(subject.horizon_accesses(TableIndex{0}), 60);
  EXPECT_EQ(subject.horizon_accesses(TableIndex{1}), 0);
}

// What a build makes of it.
std::vector<float> values(const Learners::Embedding& embedding, TableIndex table,
                          const std::vector<sketch::Slot>& slots) {
  return embedding.spectral ? embedding.spectral->embed(table, slots) : embedding.values;
}

std::vector<float> values(Learners& of, TableIndex table, const std::vector<sketch::Slot>& slots) {
  return values(of.embed(table, slots), table, slots);
}

TEST(Learners, ObeyThePinnedChoiceOfEachTable) {
  EngineConfig config = two_tables();
  config.tables[0].learner = LearnerChoice::kSupervised;
  config.tables[1].learner = LearnerChoice::kCoAccess;
  Learners subject = learners(config);
  for (const bool labelled : {false, true}) {
    learn(subject, 1000, labelled ? 1000 : 0, labelled ? 500 : 0);
    EXPECT_EQ(subject.choice(TableIndex{0}).learner, LearnerChoice::kSupervised);
    EXPECT_EQ(subject.choice(TableIndex{1}).learner, LearnerChoice::kCoAccess);
    EXPECT_THAT(subject.choice(TableIndex{0}).reason, HasSubstr("pinned"));
    EXPECT_EQ(subject.embed(TableIndex{0}, all_slots()).dimension, config.factors + 1);
    EXPECT_EQ(subject.embed(TableIndex{1}, all_slots()).dimension, config.co_access_dimension + 1);
  }
}

TEST(Learners, EmbedEverySlotAskedFor) {
  const EngineConfig config = two_tables();
  Learners subject = learners(config);
  for (const std::size_t labelled : {0UL, 2000UL}) {
    learn(subject, 2000, labelled, labelled / 2);
    const std::vector<sketch::Slot> some{7, 3};
    const std::size_t d = subject.embed(TableIndex{1}, some).dimension;
    const auto all = values(subject, TableIndex{1}, all_slots());
    const auto two = values(subject, TableIndex{1}, some);
    ASSERT_EQ(all.size(), kSlots * d);
    ASSERT_EQ(two.size(), 2 * d);
    for (std::size_t k = 0; k < d; ++k) {
      EXPECT_EQ(two[k], all[7 * d + k]);
      EXPECT_EQ(two[d + k], all[3 * d + k]);
    }
  }
}

TEST(Learners, EmbedByWhatWasLearnedBefore) {
  const EngineConfig config = two_tables();
  Learners subject = learners(config);
  learn(subject, 2000, 0, 0);
  const auto once = subject.embed(TableIndex{0}, all_slots());
  EXPECT_EQ(subject.embed(TableIndex{1}, all_slots()).spectral, once.spectral)
      << "what was learned was copied twice";
  learn(subject, 10, 0, 0);
  const auto later = subject.embed(TableIndex{0}, all_slots());
  EXPECT_NE(later.spectral, once.spectral);
  Learners undisturbed = learners(config);
  learn(undisturbed, 2000, 0, 0);
  EXPECT_EQ(values(once, TableIndex{0}, all_slots()),
            values(undisturbed, TableIndex{0}, all_slots()));
  EXPECT_NE(values(later, TableIndex{0}, all_slots()), values(once, TableIndex{0}, all_slots()));
}

TEST(Learners, GoOnFromASavedState) {
  const EngineConfig config = two_tables();
  Learners undisturbed = learners(config);
  learn(undisturbed, 2000, 300, 100);
  const Bytes state = saved(undisturbed);
  Learners restored(config, {kSlots, kSlots});
  ByteReader in(state);
  ASSERT_TRUE(restored.load(in, all_tracked));
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(restored.samples(), 2000U);
  EXPECT_EQ(restored.labelled_samples(), 300U);
  EXPECT_EQ(restored.label_sum(), 100);
  EXPECT_EQ(values(restored, TableIndex{0}, all_slots()),
            values(undisturbed, TableIndex{0}, all_slots()));
}

TEST(Learners, RefuseImpossibleCounts) {
  const EngineConfig config = two_tables();
  Learners subject = learners(config);
  learn(subject, 100, 50, 20);
  const Bytes state = saved(subject);
  const auto refused = [&](std::size_t at, auto value) {
    Bytes bad = state;
    std::memcpy(bad.data() + at, &value, sizeof(value));
    ByteReader in(bad);
    Learners other(config, {kSlots, kSlots});
    return !other.load(in, all_tracked);
  };
  EXPECT_FALSE(refused(8, std::uint64_t{50}));
  EXPECT_TRUE(refused(8, std::uint64_t{101}));  // more labelled than there were
  EXPECT_TRUE(refused(16, 51.0));
  EXPECT_TRUE(refused(16, -1.0));
  EXPECT_TRUE(refused(16, std::nan("")));
}

}  // namespace
}  // namespace remapd::pipeline
