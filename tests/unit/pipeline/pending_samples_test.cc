#include "core/pipeline/pending_samples.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/pipeline/sample_stream.h"

namespace remapd::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Bytes saved(const PendingSamples& pending) {
  ByteWriter out;
  pending.save(out);
  return std::move(out).take();
}

Result<void> load(PendingSamples& pending, ByteView bytes) {
  ByteReader in(bytes);
  return pending.load(in);
}

EventBatch three_samples() {
  return batch_of({{.ids = {{1, 2}, {7}}, .label = 1, .weight = 2},
                   {.ids = {{}, {8}}, .label = 0},
                   {.ids = {{3}, {9, 10, 11}}, .label = 0.5F}},
                  0, 3);
}

TEST(PendingSamples, TakesABatchPieceByPiece) {
  const EventBatch batch = three_samples();
  PendingSamples pending(2);
  std::vector<std::size_t> value_at(2, 0);
  pending.append(batch, 0, 2, value_at);
  EXPECT_EQ(pending.size(), 2U);
  EXPECT_THAT(value_at, ElementsAre(2, 2));
  EXPECT_THAT(pending.values(0), ElementsAre(1, 2));
  EXPECT_THAT(pending.begin(0), ElementsAre(0, 2, 2));
  pending.append(batch, 2, 1, value_at);
  EXPECT_THAT(pending.values(0), ElementsAre(1, 2, 3));
  EXPECT_THAT(pending.begin(0), ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(pending.values(1), ElementsAre(7, 8, 9, 10, 11));
  EXPECT_THAT(pending.begin(1), ElementsAre(0, 1, 2, 5));
  EXPECT_THAT(pending.labels(), ElementsAre(1, 0, 0.5F));
  EXPECT_THAT(pending.weights(), ElementsAre(2, 1, 1));
  pending.clear();
  EXPECT_EQ(pending.size(), 0U);
  EXPECT_THAT(pending.values(1), IsEmpty());
  EXPECT_THAT(pending.begin(1), ElementsAre(0));
}

TEST(PendingSamples, PartWithTheirLastSamples) {
  std::vector<std::size_t> value_at(2, 0);
  for (const std::size_t first : {0UL, 1UL, 2UL, 3UL}) {
    PendingSamples pending(2);
    PendingSamples rest(2);
    value_at.assign(2, 0);
    pending.append(three_samples(), 0, 3, value_at);
    pending.move_from(first, rest);
    PendingSamples head(2);
    PendingSamples tail(2);
    value_at.assign(2, 0);
    head.append(three_samples(), 0, first, value_at);
    tail.append(three_samples(), first, 3 - first, value_at);
    EXPECT_EQ(saved(pending), saved(head)) << first;
    EXPECT_EQ(saved(rest), saved(tail)) << first;
    EXPECT_EQ(pending.total_ids() + rest.total_ids(), 8U);
  }
}

TEST(PendingSamples, GivesBatchesWithoutLabelsOrWeightsTheDefaults) {
  EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}) = {1};
  batch.mutable_values(FeatureIndex{0}) = {5};
  batch.seal(1);
  PendingSamples pending(1);
  std::vector<std::size_t> value_at(1, 0);
  pending.append(batch, 0, 1, value_at);
  EXPECT_TRUE(std::isnan(pending.labels()[0]));
  EXPECT_EQ(pending.weights()[0], 1);
}

TEST(PendingSamples, BringsLabelsAndWeightsIntoTheirRanges) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto kept = [](float label, float weight) {
    PendingSamples pending(1);
    std::vector<std::size_t> value_at(1, 0);
    pending.append(batch_of({{.ids = {{1}}, .label = label, .weight = weight}}, 0, 1), 0, 1,
                   value_at);
    return std::pair{pending.labels()[0], pending.weights()[0]};
  };
  EXPECT_EQ(kept(0, 1e-3F), std::pair(0.0F, 1e-3F));
  EXPECT_EQ(kept(1, 1e-30F), std::pair(1.0F, 1e-6F));
  EXPECT_EQ(kept(1, 1e30F), std::pair(1.0F, 1e6F));
  for (const float weight : {-1.0F, inf, -inf, std::nanf("")}) {
    EXPECT_EQ(kept(0, weight).second, 1);
  }
  EXPECT_TRUE(std::isnan(kept(1, 0).first)) << "nothing is learned from it";
  EXPECT_EQ(kept(1, 0).second, 0);
  for (const float label : {-1e-6F, 1.0001F, inf, -inf, std::nanf("")}) {
    EXPECT_TRUE(std::isnan(kept(label, 1).first));
  }
}

TEST(PendingSamples, AreLoadedAsTheyWereSaved) {
  PendingSamples pending(2);
  std::vector<std::size_t> value_at(2, 0);
  pending.append(three_samples(), 0, 3, value_at);
  PendingSamples restored(2);
  ASSERT_TRUE(load(restored, saved(pending)));
  EXPECT_EQ(saved(restored), saved(pending));
  EXPECT_EQ(restored.size(), 3U);
  EXPECT_THAT(restored.begin(1), ElementsAre(0, 1, 2, 5));
}

TEST(PendingSamples, RefuseImpossibleState) {
  const auto state = [](const std::vector<std::uint32_t>& begin, const std::vector<Id>& values,
                        const std::vector<float>& labels, const std::vector<float>& weights) {
    ByteWriter out;
    out.put_vector(begin);
    out.put_vector(values);
    out.put_vector(labels);
    out.put_vector(weights);
    PendingSamples pending(1);
    const auto loaded = load(pending, out.bytes());
    EXPECT_TRUE(loaded || loaded.error().code == ErrorCode::kCorrupt);
    return loaded.has_value();
  };
  const float nan = std::nanf("");
  EXPECT_TRUE(state({0, 1, 3}, {1, 2, 3}, {1, nan}, {1, 1}));
  EXPECT_TRUE(state({0}, {}, {}, {}));
  EXPECT_FALSE(state({}, {}, {}, {}));
  EXPECT_FALSE(state({0, 1}, {1}, {1, 1}, {1, 1}));
  EXPECT_FALSE(state({0, 1, 2}, {1, 2, 3}, {1, 1}, {1, 1}));
  EXPECT_FALSE(state({0, 3, 2}, {1, 2}, {1, 1}, {1, 1}));
  EXPECT_FALSE(state({1, 1, 2}, {1, 2}, {1, 1}, {1, 1}));
  EXPECT_FALSE(state({0, 1, 2}, {1, 2}, {1, 1}, {1}));
  EXPECT_FALSE(state({0, 1, 2}, {1, 2}, {1, 2}, {1, 1}));
  EXPECT_TRUE(state({0, 1, 2}, {1, 2}, {1, 1}, {1, 0}));
  EXPECT_FALSE(state({0, 1, 2}, {1, 2}, {1, 1}, {1, -1}));
  EXPECT_FALSE(state({0, 1, 2}, {1, 2}, {1, 1}, {1, nan}));
  EXPECT_FALSE(state({0, 1, 2}, {1, 2}, {1, 1}, {1, 1e7F}));
}

}  // namespace
}  // namespace remapd::pipeline
