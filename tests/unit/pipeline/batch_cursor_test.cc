#include "core/pipeline/batch_cursor.h"

#include <gtest/gtest.h>

#include "core/base/random.h"

namespace remapd::pipeline {
namespace {

void fill(EventBatch& batch, std::size_t samples, bool labelled) {
  batch.reset(2);
  Id next = 1;
  for (std::size_t s = 0; s < samples; ++s) {
    batch.mutable_lengths(FeatureIndex{0}).push_back(1);
    batch.mutable_values(FeatureIndex{0}).push_back(next++);
    batch.mutable_lengths(FeatureIndex{1}).push_back(static_cast<std::uint32_t>(s % 3));
    for (std::size_t i = 0; i < s % 3; ++i) {
      batch.mutable_values(FeatureIndex{1}).push_back(1000 + next++);
    }
    if (labelled) {
      batch.mutable_labels().push_back(static_cast<float>(s));
      batch.mutable_weights().push_back(static_cast<float>(s + 1));
    }
  }
  batch.seal(samples);
  batch.event_time_ms = 77;
  batch.position = {.partition = 1, .offset = 5, .next_offset = 9};
}

void append(const EventBatch& from, EventBatch& to) {
  for (std::uint32_t f = 0; f < from.features(); ++f) {
    const FeatureIndex feature{f};
    const auto lengths = from.lengths(feature);
    const auto values = from.values(feature);
    auto& to_lengths = to.mutable_lengths(feature);
    auto& to_values = to.mutable_values(feature);
    to_lengths.insert(to_lengths.end(), lengths.begin(), lengths.end());
    to_values.insert(to_values.end(), values.begin(), values.end());
  }
  to.mutable_labels().insert(to.mutable_labels().end(), from.labels().begin(), from.labels().end());
  to.mutable_weights().insert(to.mutable_weights().end(), from.weights().begin(),
                              from.weights().end());
}

bool equal(std::span<const float> a, std::span<const float> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

TEST(BatchCursor, HandsOutNothingBeforeItIsFilled) {
  BatchCursor cursor;
  EXPECT_EQ(cursor.remaining(), 0U);
  fill(cursor.refill(), 3, false);
  EXPECT_EQ(cursor.remaining(), 0U);
  cursor.filled();
  EXPECT_EQ(cursor.remaining(), 3U);
}

TEST(BatchCursor, AWholeBatchIsNotCopied) {
  BatchCursor cursor;
  EventBatch& batch = cursor.refill();
  fill(batch, 10, true);
  cursor.filled();
  EXPECT_EQ(&cursor.take(10), &batch);
  EXPECT_EQ(cursor.remaining(), 0U);
}

TEST(BatchCursor, TakesNoMoreThanThereIs) {
  BatchCursor cursor;
  fill(cursor.refill(), 4, false);
  cursor.filled();
  EXPECT_EQ(cursor.take(3).samples(), 3U);
  EXPECT_EQ(cursor.take(100).samples(), 1U);
}

TEST(BatchCursor, RefillDropsTheRest) {
  BatchCursor cursor;
  fill(cursor.refill(), 4, false);
  cursor.filled();
  cursor.take(1);
  fill(cursor.refill(), 2, false);
  EXPECT_EQ(cursor.remaining(), 0U);
  cursor.filled();
  EXPECT_EQ(cursor.take(1).values(FeatureIndex{0})[0], 1U);
}

TEST(BatchCursor, PiecesInOrderAreTheBatch) {
  constexpr std::uint64_t kSeed = 11;
  Random random(kSeed);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", round " + std::to_string(round));
    const std::size_t samples = random.below(50);
    const bool labelled = random.below(2) == 1;
    EventBatch whole;
    fill(whole, samples, labelled);
    BatchCursor cursor;
    fill(cursor.refill(), samples, labelled);
    cursor.filled();
    EventBatch joined;
    joined.reset(2);
    std::size_t taken = 0;
    while (cursor.remaining() > 0) {
      const EventBatch& piece = cursor.take(1 + random.below(9));
      taken += piece.samples();
      EXPECT_EQ(piece.event_time_ms, 77);
      EXPECT_EQ(piece.position.offset, 5);
      append(piece, joined);
    }
    ASSERT_EQ(taken, samples);
    joined.seal(samples);
    for (const FeatureIndex feature : {FeatureIndex{0}, FeatureIndex{1}}) {
      const auto a = joined.lengths(feature);
      const auto b = whole.lengths(feature);
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
      const auto c = joined.values(feature);
      const auto d = whole.values(feature);
      EXPECT_TRUE(std::equal(c.begin(), c.end(), d.begin(), d.end()));
    }
    EXPECT_TRUE(equal(joined.labels(), whole.labels()));
    EXPECT_TRUE(equal(joined.weights(), whole.weights()));
  }
}

}  // namespace
}  // namespace remapd::pipeline
