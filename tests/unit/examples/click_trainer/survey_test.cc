#include "examples/click_trainer/survey.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "connectors/files/log_reader.h"
#include "tests/support/temp_dir.h"

namespace remapd::click_trainer {
namespace {

using test_support::TempDir;

const pipeline::FeatureSchema kSchema({{"user", TableIndex{0}}, {"item", TableIndex{1}}});

std::unique_ptr<files::LogFileSource> open(const std::filesystem::path& path) {
  auto source = files::LogFileSource::create({.path = path}, kSchema, nullptr);
  EXPECT_TRUE(source) << source.error().message;
  EXPECT_TRUE((*source)->start({}));
  return std::move(*source);
}

void ignore(std::uint64_t) {}

TEST(SurveyOfALog, CountsSamplesLabelsAndIds) {
  const TempDir dir;
  std::string log = "label\tuser\titem\n";
  for (int i = 0; i < 3'000; ++i) {
    log += fmt::format("{}\t{}\t{}\n",
                       i % 3 == 0   ? "1"
                       : i % 3 == 1 ? "0"
                                    : "",
                       i % 1'000, i % 1'500);
  }
  test_support::write_file(dir / "log.tsv", log);
  const auto found = survey(*open(dir / "log.tsv"), kSchema, {.rows_share = 0.1}, ignore);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->samples, 3'000U);
  EXPECT_EQ(found->positives, 1'000U);
  EXPECT_EQ(found->negatives(), 1'000U);
  EXPECT_EQ(found->unlabelled, 1'000U);
  EXPECT_EQ(found->features.at(0).ids, 1'000U);
  EXPECT_FALSE(found->features.at(0).shared) << "1,000 ids are not more than 1,000";
  EXPECT_EQ(found->features.at(0).rows, 1'000U);
  EXPECT_EQ(found->features.at(1).ids, 1'500U);
  EXPECT_TRUE(found->features.at(1).shared);
  EXPECT_EQ(found->features.at(1).rows, 150U);
}

TEST(SurveyOfALog, FollowsEveryEventWithANegative) {
  const TempDir dir;
  std::string log = "user\titem\n";
  for (int i = 0; i < 2'000; ++i) log += fmt::format("{}\t{}\n", i, 10'000 + i % 50);
  test_support::write_file(dir / "log.tsv", log);
  const SurveyOptions options{.negatives = SurveyOptions::Negatives{.feature = FeatureIndex{1}},
                              .samples_log = dir / "samples.binpb.gz"};
  const auto found = survey(*open(dir / "log.tsv"), kSchema, options, ignore);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->samples, 4'000U);
  EXPECT_EQ(found->positives, 2'000U);
  EXPECT_EQ(found->negatives(), 2'000U);

  const auto samples = open(dir / "samples.binpb.gz");
  pipeline::EventBatch batch;
  std::size_t seen = 0;
  std::size_t replaced = 0;
  for (;;) {
    const auto polled = samples->poll(batch, std::chrono::milliseconds(1'000));
    ASSERT_TRUE(polled) << polled.error().message;
    if (*polled == pipeline::PollOutcome::kEnd) break;
    for (std::size_t s = 0; s < batch.samples(); s += 2, ++seen) {
      const auto users = batch.values(FeatureIndex{0});
      const auto items = batch.values(FeatureIndex{1});
      EXPECT_EQ(users[s], seen);
      EXPECT_EQ(users[s + 1], seen) << "a negative differs in one feature only";
      EXPECT_EQ(items[s], 10'000 + seen % 50);
      EXPECT_LE(items[s + 1], 10'000 + std::min<std::uint64_t>(seen, 49)) << "none from the future";
      EXPECT_EQ(batch.labels()[s], 1);
      EXPECT_EQ(batch.labels()[s + 1], 0);
      replaced += items[s + 1] != items[s] ? 1 : 0;
    }
  }
  EXPECT_EQ(seen, 2'000U);
  EXPECT_GT(replaced, 1'900U);
}

TEST(SurveyOfALog, RefusesOneWithoutSamples) {
  const TempDir dir;
  test_support::write_file(dir / "log.tsv", "user\titem\n");
  const auto found = survey(*open(dir / "log.tsv"), kSchema, {}, ignore);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace remapd::click_trainer
