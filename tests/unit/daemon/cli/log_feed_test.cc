#include "daemon/cli/log_feed.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/cli/small_log.h"

namespace remapd::cli {
namespace {

using test_support::TempDir;
using testing::HasSubstr;

class LogFeed : public testing::Test {
 protected:
  Result<FeedCounts> feed(const std::vector<std::string>& logs) {
    return feed_logs(logs, {}, schema_, "reading", console_,
                     [this](const pipeline::EventBatch& batch) { taken_ += batch.samples(); });
  }
  TempDir dir_;
  pipeline::FeatureSchema schema_{{{"user", TableIndex{0}}, {"item", TableIndex{1}}}};
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{in_, out_, err_, true};
  std::uint64_t taken_ = 0;
};

TEST_F(LogFeed, ReadsOneLogAfterAnother) {
  const std::string log = write_small_log(dir_);
  const auto counts = feed({log, log});
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->samples, 960U);
  EXPECT_EQ(counts->labelled, 960U);
  EXPECT_EQ(counts->label_sum, 560.0);
  EXPECT_EQ(counts->ids, 1920U);
  ASSERT_EQ(counts->features.size(), 2U);
  EXPECT_EQ(counts->features[1].name, "item");
  EXPECT_EQ(counts->features[1].ids, 960U);
  EXPECT_EQ(counts->rejected, 0U);
  EXPECT_EQ(taken_, 960U);
  EXPECT_THAT(err_.str(), HasSubstr("samples"));
}

TEST_F(LogFeed, WhatWasReadMustBeWhatWasAskedFor) {
  const config::Config config;
  FeedCounts counts;
  counts.samples = 10;
  counts.features = {{"user", 10}, {"item", 10}};
  EXPECT_TRUE(check_counts(counts, config));

  FeedCounts misspelt = counts;
  misspelt.features.push_back({"usr", 0});
  const auto wrong = check_counts(misspelt, config);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(wrong.error().message, HasSubstr("feature usr: no id in 10 samples"));

  config::Config labelled;
  labelled.source.file.label_column = "clicked";
  EXPECT_THAT(check_counts(counts, labelled).error().message,
              HasSubstr("source.file.label_column = \"clicked\": no label in 10 samples"));
  FeedCounts alike = counts;
  alike.labelled = 10;
  EXPECT_TRUE(check_counts(alike, labelled));

  FeedCounts unreadable = counts;
  unreadable.rejected = 11;
  unreadable.reject_notes = {"a.tsv:7: not a number"};
  EXPECT_EQ(check_counts(unreadable, config).error().message,
            "11 records could not be read, and only 10 samples could: a.tsv:7: not a number");
  EXPECT_EQ(check_counts({}, config).error().message, "the logs hold no sample that can be read");
}

TEST_F(LogFeed, StopsWhenThereAreSamplesEnough) {
  const std::string log = write_small_log(dir_);
  files::LogFileOptions options;
  options.batch_samples = 100;
  const auto counts = feed_logs(
      {log, log}, options, schema_, "reading", console_,
      [&](const pipeline::EventBatch& batch) { taken_ += batch.samples(); }, 150);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->samples, 200U) << "whole batches";
  EXPECT_EQ(taken_, 200U);
}

TEST_F(LogFeed, CountsRejectsAndKeepsAFewNotes) {
  test_support::write_file(dir_ / "bad.tsv", "label\tuser\titem\n\t1\t2\nx\n1\ty\nz\nw\nv\n");
  const auto counts = feed({(dir_ / "bad.tsv").string()});
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->samples, 1U);
  EXPECT_EQ(counts->labelled, 0U);
  EXPECT_EQ(counts->rejected, 5U);
  ASSERT_EQ(counts->reject_notes.size(), 3U);
  EXPECT_THAT(counts->reject_notes[0], HasSubstr("bad.tsv:3: "));
}

TEST_F(LogFeed, AnErrorNamesTheLog) {
  const auto missing = feed({(dir_ / "void.tsv").string()});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("void.tsv"));
}

}  // namespace
}  // namespace remapd::cli
