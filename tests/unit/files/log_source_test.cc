#include "connectors/files/log_source.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/files/log_paths.h"
#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::gzip;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;

pipeline::FeatureSchema user() {
  return pipeline::FeatureSchema({{"user", TableIndex{0}}});
}

// part-1, part-2 and part-10, of different formats, and files that are no logs.
class LogOfParts : public testing::Test {
 protected:
  LogOfParts() {
    std::filesystem::create_directories(dir_ / "day=1/.tmp");
    std::filesystem::create_directories(dir_ / "day=2");
    write_file(dir_ / "day=1/part-1.tsv", "user\n1\n2\n");
    write_file(dir_ / "day=1/part-2.csv.gz", gzip("user,item\n3,0\n"));
    write_file(dir_ / "day=1/part-10.ndjson", "{\"f\":{\"user\":[4]}}\n{\"f\":{\"user\":[5]}}\n");
    write_file(dir_ / "day=1/_SUCCESS", "");
    write_file(dir_ / "day=1/.tmp/part-0.tsv", "user\n9\n");
    write_file(dir_ / "day=2/part-1.tsv", "user\n6\n");
  }

  std::vector<Id> read(LogSource& source) {
    std::vector<Id> ids;
    pipeline::EventBatch batch;
    for (;;) {
      const auto outcome = source.poll(batch, std::chrono::seconds(1));
      EXPECT_TRUE(outcome) << outcome.error().message;
      if (!outcome || *outcome == pipeline::PollOutcome::kEnd) return ids;
      const auto values = batch.values(FeatureIndex{0});
      ids.insert(ids.end(), values.begin(), values.end());
    }
  }

  TempDir dir_;
};

TEST_F(LogOfParts, IsReadInTheOrderOfItsParts) {
  const auto source = LogSource::create({.path = dir_.path()}, user(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ((*source)->files().size(), 4U);
  ASSERT_TRUE((*source)->start({}));
  EXPECT_THAT(read(**source), ElementsAre(1U, 2U, 3U, 4U, 5U, 6U));
  EXPECT_EQ((*source)->counters().messages, 6U);
  const auto offsets = (*source)->offsets();
  ASSERT_EQ(offsets.size(), 4U);
  EXPECT_EQ(offsets[2].next_offset, 2);
}

TEST_F(LogOfParts, GoesOnWhereItWas) {
  const auto source = LogSource::create({.path = dir_.path(), .batch_samples = 1}, user(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_TRUE((*source)->start({}));
  pipeline::EventBatch batch;
  std::vector<pipeline::StreamOffsets> positions{(*source)->offsets()};
  for (Id id = 1; id <= 6; ++id) {
    const auto outcome = (*source)->poll(batch, std::chrono::seconds(1));
    ASSERT_TRUE(outcome && *outcome == pipeline::PollOutcome::kBatch);
    positions.push_back((*source)->offsets());
    EXPECT_EQ(batch.position.partition, positions.back().back().partition);
  }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    ASSERT_TRUE((*source)->start(positions[i]));
    EXPECT_EQ((*source)->offsets(), positions[i]);
    EXPECT_EQ(read(**source).size(), 6 - i);
  }
  EXPECT_THAT((*source)->start({{.partition = 4, .next_offset = 0}}).error().message,
              HasSubstr("file 5 of the log, which has only 4"));
}

TEST_F(LogOfParts, PatternsAndSingleFiles) {
  const auto names = [](const std::filesystem::path& log) {
    std::vector<std::string> out;
    const auto paths = log_paths(log);
    if (!paths) return std::vector{paths.error().message};
    for (const auto& path : *paths) out.push_back(path.filename().string());
    return out;
  };
  EXPECT_THAT(names(dir_ / "day=*/part-1*"),
              ElementsAre("part-1.tsv", "part-10.ndjson", "part-1.tsv"));
  EXPECT_THAT(names(dir_ / "day=[2-9]"), ElementsAre("part-1.tsv"));
  EXPECT_THAT(names(dir_ / "day=1/part-1.tsv"), ElementsAre("part-1.tsv"));
  EXPECT_THAT(names(dir_ / "day=9/*"), ElementsAre(HasSubstr("no file is named so")));
  EXPECT_THAT(names(dir_ / "day=1/.tmp/.."), testing::SizeIs(3));
  write_file(dir_ / "a[1].tsv", "user\n");
  EXPECT_THAT(names(dir_ / "a[1].tsv"), ElementsAre("a[1].tsv"));
  std::filesystem::create_directory(dir_ / "empty");
  EXPECT_THAT(names(dir_ / "empty"), ElementsAre(HasSubstr("no log in this directory")));
}

TEST_F(LogOfParts, APartThatCannotBeReadIsFoundBeforeAnythingIs) {
  write_file(dir_ / "day=1/part-3.tsv", "item\n1\n");
  const auto source = LogSource::create({.path = dir_.path()}, user(), nullptr);
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message,
              testing::AllOf(HasSubstr("part-3.tsv"), HasSubstr("no column user")));
}

}  // namespace
}  // namespace remapd::files
