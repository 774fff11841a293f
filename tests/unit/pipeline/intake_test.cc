#include "core/pipeline/intake.h"

#include <gtest/gtest.h>

#include "tests/unit/pipeline/allocations.h"
#include "tests/unit/pipeline/sample_stream.h"

namespace remapd::pipeline {
namespace {

std::vector<EventBatch> messages_of(const std::vector<Sample>& samples, std::size_t size) {
  std::vector<EventBatch> out;
  for (std::size_t at = 0; at < samples.size(); at += size) {
    out.push_back(batch_of(samples, at, std::min(samples.size(), at + size)));
  }
  return out;
}

TEST(Intake, AllocatesNothingInTheSteadyState) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "under ThreadSanitizer pieces run on threads, which allocate";
#endif
  for (const bool unlabelled : {false, true}) {
    const EngineConfig config = [] {
      EngineConfig out = two_tables();
      out.tick_samples = 1'000'000;
      return out;
    }();
    const auto messages = messages_of(communities(30'000, 1, unlabelled), 100);
    Intake intake(config);
    for (int warm = 0; warm < 12; ++warm) {
      for (const EventBatch& message : messages) intake.ingest(message);
    }
    const std::size_t before = allocations();
    for (const EventBatch& message : messages) intake.ingest(message);
    EXPECT_EQ(allocations() - before, 0U) << (unlabelled ? "unlabelled" : "labelled");
  }
}

TEST(Intake, LearnsAllButWhatWaitsForItsMiniBatch) {
  const EngineConfig config = two_tables();
  Intake intake(config);
  const auto samples = communities(1000, 2);
  intake.ingest(batch_of(samples, 0, 1000));
  EXPECT_EQ(intake.samples(), 1000U);
  intake.settle();
  EXPECT_EQ(intake.samples(), 1000U);
  EXPECT_EQ(intake.learners().samples(), 1000U / config.mini_batch * config.mini_batch);
  intake.flush();
  EXPECT_EQ(intake.learners().samples(), 1000U);
}

}  // namespace
}  // namespace remapd::pipeline
