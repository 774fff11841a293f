#include "examples/click_trainer/frequency_mapper.h"

#include <set>

#include <gtest/gtest.h>

namespace remapd::click_trainer {
namespace {

// At the default dedicated share three of the twelve rows belong to one id each.
const std::vector<Table> kTables{{"item", 12}, {"kind", 0}};

// Items 0 .. 99; the first three are in every other sample.
pipeline::EventBatch samples_of(std::size_t count) {
  pipeline::EventBatch batch;
  batch.reset(2);
  for (std::uint64_t i = 0; i < count; ++i) {
    for (std::uint32_t f = 0; f < 2; ++f) batch.mutable_lengths(FeatureIndex{f}).push_back(1);
    batch.mutable_values(FeatureIndex{0}).push_back(i % 2 == 0 ? i / 2 % 3 : i % 100);
    batch.mutable_values(FeatureIndex{1}).push_back(5);
  }
  batch.seal(count);
  return batch;
}

std::vector<Row> rows_of(const FrequencyMapper& mapper, const std::vector<Id>& ids) {
  std::vector<Row> rows;
  mapper.place(FeatureIndex{0}, ids, rows);
  return rows;
}

TEST(FrequencyMapper, HashesUntilItsFirstVersion) {
  const auto mapper = FrequencyMapper::create(kTables, 3);
  ASSERT_TRUE(mapper) << mapper.error().message;
  const mapping::Fallback hash = mapping::initial_fallback(12, 3);
  for (Id id = 0; id < 50; ++id) EXPECT_EQ(rows_of(**mapper, {id}).at(0), hash.row(id));
}

TEST(FrequencyMapper, GivesFrequentIdsARowOfTheirOwn) {
  const auto mapper = FrequencyMapper::create(kTables, 3);
  ASSERT_TRUE(mapper) << mapper.error().message;
  const std::vector<std::uint32_t> table_rows{12, 1};
  evaluation::FmModel model(table_rows, 3);
  (*mapper)->take(samples_of(2'000));
  (*mapper)->publish(FeatureIndex{0}, model);
  std::vector<Id> all;
  for (Id id = 0; id < 100; ++id) all.push_back(id);
  const std::vector<Row> rows = rows_of(**mapper, all);
  for (std::size_t frequent = 0; frequent < 3; ++frequent) {
    for (std::size_t other = 0; other < all.size(); ++other) {
      if (other == frequent) continue;
      EXPECT_NE(rows[other], rows[frequent]) << other;
    }
  }
  for (const Row row : rows) EXPECT_LT(row.value, 12U);
}

TEST(FrequencyMapper, TheModelsRowsMoveAlong) {
  const auto mapper = FrequencyMapper::create(kTables, 3);
  ASSERT_TRUE(mapper) << mapper.error().message;
  const std::vector<std::uint32_t> table_rows{12, 1};
  evaluation::FmModel model(table_rows, 3);
  const Row before = rows_of(**mapper, {1}).at(0);
  const auto value = [&](Row row) {
    return model.table(FeatureIndex{0}).matrix()[row.value * evaluation::kFmColumns];
  };
  const float learned = value(before);
  (*mapper)->take(samples_of(2'000));
  (*mapper)->publish(FeatureIndex{0}, model);
  EXPECT_FLOAT_EQ(value(rows_of(**mapper, {1}).at(0)), learned)
      << "an id with a row of its own brings what it had";
}

}  // namespace
}  // namespace remapd::click_trainer
