#include "core/pipeline/event_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(EventBatch, HoldsWhatADecoderPutIn) {
  EventBatch batch;
  batch.reset(2);
  batch.mutable_lengths(FeatureIndex{0}) = {2, 0, 1};
  batch.mutable_values(FeatureIndex{0}) = {5, 6, 7};
  batch.mutable_labels() = {1, 0, 1};
  batch.seal(3);
  EXPECT_EQ(batch.samples(), 3U);
  EXPECT_EQ(batch.features(), 2U);
  EXPECT_EQ(batch.total_ids(), 3U);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(5, 6, 7));
  EXPECT_THAT(batch.lengths(FeatureIndex{1}), ElementsAre(0, 0, 0)) << "left empty";
  EXPECT_THAT(batch.weights(), IsEmpty());
}

TEST(EventBatch, IsEmptyAfterAReset) {
  EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}) = {1};
  batch.mutable_values(FeatureIndex{0}) = {5};
  batch.mutable_labels() = {1};
  batch.mutable_weights() = {2};
  batch.event_time_ms = 9;
  batch.position = {.partition = 3, .offset = 4, .next_offset = 5};
  batch.seal(1);
  batch.reset(2);
  batch.seal(0);
  EXPECT_EQ(batch.samples(), 0U);
  EXPECT_EQ(batch.features(), 2U);
  EXPECT_EQ(batch.total_ids(), 0U);
  EXPECT_THAT(batch.labels(), IsEmpty());
  EXPECT_THAT(batch.weights(), IsEmpty());
  EXPECT_EQ(batch.event_time_ms, 0);
  EXPECT_EQ(batch.position.next_offset, -1);
}

// A decoder that contradicts itself is a bug of ours, not bad input.
TEST(EventBatchDeathTest, RefusesColumnsThatDoNotFit) {
  EventBatch batch;
  batch.reset(1);
  batch.mutable_lengths(FeatureIndex{0}) = {1, 1};
  batch.mutable_values(FeatureIndex{0}) = {5};
  EXPECT_DEATH(batch.seal(2), "one length per sample");
  batch.mutable_values(FeatureIndex{0}) = {5, 6};
  EXPECT_DEATH(batch.seal(1), "one length per sample");
  batch.mutable_labels() = {1};
  EXPECT_DEATH(batch.seal(2), "one label per sample");
  batch.mutable_labels().clear();
  batch.mutable_weights() = {1};
  EXPECT_DEATH(batch.seal(2), "one weight per sample");
}

}  // namespace
}  // namespace remapd::pipeline
