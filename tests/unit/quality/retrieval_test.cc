#include "tests/quality/retrieval.h"

#include <string>

#include <fmt/format.h>

#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::quality {
namespace {

// Users take items of their own group; one in ten events is in the test part.
std::string clicks() {
  std::string text = "timestamp\tuser\titem\n";
  Random random(11);
  for (int i = 0; i < 25'000; ++i) {
    const std::uint64_t user = random.below(evaluation::kPlantedUsers);
    const std::uint64_t item =
        random.below(evaluation::kPlantedItems / evaluation::kPlantedGroups) *
            evaluation::kPlantedGroups +
        user % evaluation::kPlantedGroups;
    text += fmt::format("{}\t{}\t{}\n", random.below(10) == 0 ? 1 : 0, user, item);
  }
  return text;
}

Result<RetrievalData> read(const std::string& text) {
  const test_support::TempDir dir;
  test_support::write_file(dir / "log.tsv", text);
  Progress progress;
  return RetrievalData::read(dir / "log.tsv", "user", "item", progress);
}

TEST(RetrievalData, SplitsByTheTimestamp) {
  const auto data = read("timestamp\tuser\titem\n0\t5\t8\n1\t5\t9\n0\t6\t9\n");
  ASSERT_TRUE(data.has_value()) << data.error().message;
  EXPECT_EQ(data->train_pairs().size(), 2u);
  EXPECT_TRUE(data->train().contains(0, 0));
  EXPECT_FALSE(data->train().contains(0, 1));
  EXPECT_TRUE(data->test().contains(0, 1));
}

TEST(RetrievalData, SaysWhatIsWrongWithALog) {
  const auto later = read("timestamp\tuser\titem\n0\t5\t8\n2\t5\t9\n");
  ASSERT_FALSE(later.has_value());
  EXPECT_NE(later.error().message.find("event 2"), std::string::npos) << later.error().message;
  const auto no_test = read("timestamp\tuser\titem\n0\t5\t8\n");
  ASSERT_FALSE(no_test.has_value());
  EXPECT_NE(no_test.error().message.find("timestamp 1"), std::string::npos);
}

TEST(RunRetrieval, SharedRowsOfAlikeIdsFindMoreThanHashedOnes) {
  const auto data = read(clicks());
  ASSERT_TRUE(data.has_value()) << data.error().message;
  Progress progress;
  const auto measure = [&](const std::string& strategy) {
    const auto run =
        run_retrieval(*data, parse_contenders(strategy).value().front(), {}, 1, progress);
    EXPECT_TRUE(run.has_value());
    return *run;
  };
  const RetrievalRun full = measure("full");
  const RetrievalRun hash = measure("hash");
  const RetrievalRun combined = measure("combined");
  const RetrievalRun louvain = measure("louvain");
  EXPECT_GT(full.auc, 0.7);
  EXPECT_GT(combined.auc, hash.auc);
  EXPECT_GT(louvain.auc, hash.auc);
  EXPECT_EQ(combined.rows, 160u + 140u);
  EXPECT_LE(louvain.rows, 160u + 140u);
  EXPECT_EQ(combined.versions, 1u);
  EXPECT_EQ(full.users, combined.users);
}

}  // namespace
}  // namespace remapd::quality
