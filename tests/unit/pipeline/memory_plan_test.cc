#include "core/pipeline/memory_plan.h"

#include <gtest/gtest.h>

#include "core/pipeline/learners.h"
#include "core/pipeline/table_state.h"
#include "tests/unit/pipeline/sample_stream.h"

namespace remapd::pipeline {
namespace {

// scripts/bench holds the process's memory to the plan; here the plan is held to what the parts say
// of themselves.
TEST(MemoryPlan, IsWhatTablesAndLearnersTake) {
  for (const LearnerChoice learner : {LearnerChoice::kCoAccess, LearnerChoice::kSupervised}) {
    EngineConfig config = two_tables();
    config.tables[0].max_tracked_ids = 100'000;
    std::uint64_t bytes = 0;
    std::vector<std::uint32_t> slots;
    for (TableConfig& table : config.tables) {
      table.learner = learner;
      const TableState state(table);
      bytes += state.memory_bytes();
      slots.push_back(state.slot_count());
    }
    bytes += Learners(config, slots).memory_bytes();
    const MemoryPlan plan = memory_plan(config);
    EXPECT_EQ(plan.slots, slots[0] + slots[1]);
    EXPECT_NEAR(static_cast<double>(plan.bytes) / static_cast<double>(bytes), 1.0, 0.01);
    EXPECT_DOUBLE_EQ(plan.bytes_per_tracked_id * static_cast<double>(plan.slots),
                     static_cast<double>(plan.bytes));
  }
}

TEST(MemoryPlan, CountsLearnersThatSomeTableMayUse) {
  EngineConfig config = two_tables();
  for (TableConfig& table : config.tables) table.learner = LearnerChoice::kSupervised;
  const double supervised = memory_plan(config).bytes_per_tracked_id;
  config.tables[0].learner = LearnerChoice::kAuto;
  EXPECT_GT(memory_plan(config).bytes_per_tracked_id, supervised + 100);
}

// By labels little is copied; by company the company, and vectors are made of it.
TEST(MemoryPlan, SaysWhatABuildAdds) {
  EngineConfig config = two_tables();
  config.tables[0].max_tracked_ids = 100'000;
  const auto planned = [&](LearnerChoice learner) {
    for (TableConfig& table : config.tables) table.learner = learner;
    return memory_plan(config);
  };
  const MemoryPlan supervised = planned(LearnerChoice::kSupervised);
  const MemoryPlan co_access = planned(LearnerChoice::kCoAccess);
  EXPECT_GT(supervised.build_bytes, 100'000U * 2 * (config.factors + 1) * sizeof(float));
  EXPECT_LT(supervised.build_bytes, supervised.bytes * 2);
  EXPECT_GT(co_access.build_bytes, 100'000U * 2 * config.co_access_dimension * sizeof(float));
  EXPECT_EQ(planned(LearnerChoice::kAuto).build_bytes, co_access.build_bytes);
}

}  // namespace
}  // namespace remapd::pipeline
