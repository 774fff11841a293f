#include "tests/quality/prequential.h"

#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::quality {
namespace {

constexpr std::size_t kEvents = 20'000;

const evaluation::EventLog& planted() {
  static const evaluation::EventLog log = evaluation::make_log(evaluation::labelled_log(kEvents));
  return log;
}

ContenderFigures figures(const std::string& strategy, const ContenderOptions& options = {},
                         std::uint64_t seed = 1) {
  const auto contenders = parse_contenders(strategy);
  Progress progress;
  const auto run = run_prequential(planted(), contenders.value().front(), options, seed, progress);
  EXPECT_TRUE(run.has_value());
  return *run;
}

TEST(RunPrequential, LearnsThePlantedGroupsOnTheFullTable) {
  const ContenderFigures full = figures("full");
  EXPECT_LT(full.normalised_entropy, 0.9);
  EXPECT_GT(full.auc, 0.7);
  EXPECT_EQ(full.rows, evaluation::kPlantedUsers + evaluation::kPlantedItems + 7u);
  EXPECT_EQ(full.versions, 0u);
  EXPECT_TRUE(std::isnan(full.moved_median));
}

TEST(RunPrequential, HoldsTheRowBudgetAndBeatsHashing) {
  const ContenderFigures hash = figures("hash");
  const ContenderFigures combined = figures("combined");
  EXPECT_EQ(combined.rows, 160u + 140u + 7u) << "features of few ids keep a row for each";
  EXPECT_EQ(hash.rows, combined.rows);
  EXPECT_LT(combined.normalised_entropy, hash.normalised_entropy);
  EXPECT_GT(combined.auc, hash.auc);
  EXPECT_EQ(combined.versions, 77u) << "at 1,000 samples, then every 250";
  EXPECT_EQ(hash.moved_median, 0) << "a hash never changes";
  EXPECT_GT(combined.moved_median, 0);
}

TEST(RunPrequential, TheSeedDecidesEverything) {
  const double once = figures("combined").normalised_entropy;
  EXPECT_EQ(once, figures("combined").normalised_entropy);
  EXPECT_NE(once, figures("combined", {}, 2).normalised_entropy);
}

TEST(RunPrequential, MigratingIsBetterThanNot) {
  ContenderOptions options;
  options.migrate = false;
  EXPECT_LT(figures("combined").normalised_entropy,
            figures("combined", options).normalised_entropy);
}

TEST(RunPrequential, CoClustersAreFixedAndShareTheBudgetOfAllTables) {
  const ContenderFigures louvain = figures("louvain");
  EXPECT_LE(louvain.rows, 160u + 140u + 7u);
  EXPECT_GT(louvain.rows, (160u + 140u) * 9 / 10);
  EXPECT_EQ(louvain.versions, 0u);
  EXPECT_TRUE(std::isnan(louvain.moved_median));
}

TEST(RunPrequential, NegativesMakeALogWithoutLabelsPredictable) {
  std::string text = "timestamp\tuser\titem\n";
  Random random(5);
  for (int i = 0; i < 5'000; ++i) {
    const std::uint64_t user = random.below(40);
    text += fmt::format("{}\t{}\t{}\n", i, user, user % 4 + 4 * random.below(10));
  }
  const evaluation::EventLog log = evaluation::make_log(text, {"user", "item"});
  const Contender full = parse_contenders("full").value().front();
  Progress progress;
  const auto refused = run_prequential(log, full, {}, 1, progress);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("--negatives"), std::string::npos);

  ContenderOptions options;
  options.negatives = FeatureIndex{1};
  const auto run = run_prequential(log, full, options, 1, progress);
  ASSERT_TRUE(run.has_value()) << run.error().message;
  EXPECT_LT(run->normalised_entropy, 1);
}

}  // namespace
}  // namespace remapd::quality
