// Logs in a layout of their owners': JSON by paths, protobuf by a descriptor set, CSV, zstd.
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "connectors/files/log_reader.h"
#include "tests/support/recording_dead_letters.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::RecordingDeadLetters;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

pipeline::FeatureSchema user_and_item() {
  return pipeline::FeatureSchema({{"user", TableIndex{0}}, {"item", TableIndex{1}}});
}

struct Read {
  std::vector<Id> users;
  std::vector<Id> items;
  std::vector<float> labels;
  std::string error;
};

Read read_all(LogFileOptions options, pipeline::DeadLetterSink* dead_letters = nullptr) {
  Read out;
  auto source = LogFileSource::create(std::move(options), user_and_item(), dead_letters);
  if (!source) {
    out.error = source.error().message;
    return out;
  }
  EXPECT_TRUE((*source)->start({}));
  pipeline::EventBatch batch;
  for (;;) {
    const auto outcome = (*source)->poll(batch, std::chrono::seconds(1));
    if (!outcome) {
      out.error = outcome.error().message;
      return out;
    }
    if (*outcome == pipeline::PollOutcome::kEnd) return out;
    const auto users = batch.values(FeatureIndex{0});
    const auto items = batch.values(FeatureIndex{1});
    out.users.insert(out.users.end(), users.begin(), users.end());
    out.items.insert(out.items.end(), items.begin(), items.end());
    out.labels.insert(out.labels.end(), batch.labels().begin(), batch.labels().end());
  }
}

decode::DecodeOptions by_paths() {
  return {.format = decode::RecordFormat::kJson,
          .layout = {
              .features = {{"u.id"}, {"items[].id"}}, .label = "event", .label_true = {"click"}}};
}

TEST(OwnLogs, JsonByPaths) {
  const TempDir dir;
  const std::string text =
      "{\"u\":{\"id\":1},\"items\":[{\"id\":10},{\"id\":11}],\"event\":\"click\"}\n"
      "\n"
      "{\"u\":{\"id\":1.5}}\n"
      "{\"u\":{\"id\":2},\"event\":\"view\"}\n";
  write_file(dir / "log.ndjson", text);
  write_file(dir / "log.ndjson.zst", zstd(text));
  for (const char* name : {"log.ndjson", "log.ndjson.zst"}) {
    RecordingDeadLetters letters;
    const Read read = read_all({.path = dir / name, .records = by_paths()}, &letters);
    EXPECT_EQ(read.error, "");
    EXPECT_THAT(read.users, ElementsAre(1U, 2U));
    EXPECT_THAT(read.items, ElementsAre(10U, 11U));
    EXPECT_THAT(read.labels, ElementsAre(1.0F, 0.0F));
    ASSERT_EQ(letters.letters.size(), 1U);
    EXPECT_EQ(letters.letters[0].offset, 3);
    EXPECT_THAT(letters.letters[0].reason, HasSubstr("u.id: "));
  }
}

TEST(OwnLogs, GoOnFromAnOffset) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "{\"u\":{\"id\":" + std::to_string(i) + "}}\n";
  write_file(dir / "log.ndjson", text);
  auto source = LogFileSource::create({.path = dir / "log.ndjson", .records = by_paths()},
                                      user_and_item(), nullptr);
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_TRUE((*source)->start({{.partition = 0, .next_offset = 98}}));
  pipeline::EventBatch batch;
  ASSERT_TRUE((*source)->poll(batch, std::chrono::seconds(1)));
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(98U, 99U));
  EXPECT_THAT((*source)->start({{.partition = 0, .next_offset = 101}}).error().message,
              HasSubstr("has only 100"));
}

TEST(OwnLogs, ALogOfAnotherFormatIsRefused) {
  const TempDir dir;
  write_file(dir / "log.binpb", "x");
  EXPECT_THAT(read_all({.path = dir / "log.binpb", .records = by_paths()}).error,
              HasSubstr("the log is protobuf, but source.decode says that its records are json"));
}

TEST(OwnLogs, CsvWithQuotesAndASeparatorOfItsOwn) {
  const TempDir dir;
  write_file(dir / "log.csv",
             "when,\"user id\",sku,stars\n"
             "1690000000,7,\"1,2\",5\n"
             "1690000001,0,\"B\"\"0\",4\n"
             "1690000002,9,,1\n");
  LogFileOptions options{.path = dir / "log.csv"};
  options.tsv.label_column = "stars";
  options.tsv.timestamp_column = "when";
  options.tsv.multi_value_separator = ',';
  options.tsv.columns = {"user id", "sku"};
  options.ignored = decode::IgnoredIds({{0}, {}});
  options.tsv.label_true = {"4", "5"};
  const Read read = read_all(options);
  EXPECT_EQ(read.error, "");
  EXPECT_THAT(read.users, ElementsAre(7U, 9U));
  EXPECT_THAT(read.items, ElementsAre(1U, 2U, testing::_));
  EXPECT_THAT(read.labels, ElementsAre(1.0F, 1.0F, 0.0F));

  write_file(dir / "other.txt", "user;item\n1;2\n");
  LogFileOptions other{.path = dir / "other.txt"};
  other.tsv.delimiter = ';';
  EXPECT_THAT(read_all(other).items, ElementsAre(2U));
  options.tsv.columns = {"user", "sku"};
  EXPECT_THAT(read_all(options).error, HasSubstr("there is no column user for feature user"));
}

TEST(OwnLogs, PaddingInOurOwnFormIsLeftOut) {
  const TempDir dir;
  write_file(dir / "log.ndjson",
             "{\"f\":{\"user\":[0,7,0],\"item\":[0]}}\n{\"f\":{\"user\":[0]}}\n");
  const Read read =
      read_all({.path = dir / "log.ndjson", .ignored = decode::IgnoredIds({{0}, {}})});
  EXPECT_EQ(read.error, "");
  EXPECT_THAT(read.users, ElementsAre(7U));
  EXPECT_THAT(read.items, ElementsAre(0U));
}

TEST(OwnLogs, WeightsOfColumns) {
  const TempDir dir;
  write_file(dir / "log.tsv", "user\titem\tw\n1\t2\t0.5\n1\t2\t\n1\t2\t-1\n");
  LogFileOptions options{.path = dir / "log.tsv"};
  options.tsv.weight_column = "w";
  RecordingDeadLetters letters;
  auto source = LogFileSource::create(options, user_and_item(), &letters);
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_TRUE((*source)->start({}));
  pipeline::EventBatch batch;
  ASSERT_TRUE((*source)->poll(batch, std::chrono::seconds(1)));
  EXPECT_THAT(batch.weights(), ElementsAre(0.5F, 1.0F));
  ASSERT_EQ(letters.letters.size(), 1U);
  EXPECT_THAT(letters.letters[0].reason, HasSubstr("column w: "));
  options.tsv.weight_column = "v";
  EXPECT_THAT(read_all(options).error, HasSubstr("there is no column v for weights"));
}

TEST(OwnLogs, ACellInQuotesMayHoldLineEnds) {
  const TempDir dir;
  write_file(dir / "log.csv",
             "user,\"a\nnote\",item\n1,\"x,\n\n\"\"y\"\"\",2\n3,plain,4\n5,\"never closed,6\n");
  RecordingDeadLetters letters;
  auto source = LogFileSource::create({.path = dir / "log.csv"}, user_and_item(), &letters);
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_TRUE((*source)->start({}));
  pipeline::EventBatch batch;
  ASSERT_TRUE((*source)->poll(batch, std::chrono::seconds(1)));
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(1U, 3U, 5U));
  EXPECT_THAT(batch.values(FeatureIndex{1}), ElementsAre(2U, 4U, 6U));
  // Offsets are lines, so that reading goes on behind the row of several.
  ASSERT_TRUE((*source)->start({{.partition = 0, .next_offset = 5}}));
  ASSERT_TRUE((*source)->poll(batch, std::chrono::seconds(1)));
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(3U, 5U));
  EXPECT_TRUE(letters.letters.empty());
}

TEST(OwnLogs, ZstdOfSeveralFramesCutOffOrDamaged) {
  const TempDir dir;
  std::string rows;
  for (int i = 0; i < 50'000; ++i) rows += std::to_string(i * 7919 % 65'536) + "\t1\n";
  const std::string whole = zstd("user\titem\n") + zstd(rows) + zstd(rows);
  write_file(dir / "log.tsv.zst", whole);
  const Read read = read_all({.path = dir / "log.tsv.zst"});
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.users.size(), 100'000U);
  write_file(dir / "log.tsv.zst", whole.substr(0, whole.size() - 100));
  const Read cut = read_all({.path = dir / "log.tsv.zst"});
  EXPECT_THAT(cut.error, HasSubstr("the zstd data ends early: the file is cut off"));
  EXPECT_GE(cut.users.size(), 50'000U);
  std::string damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(damaged[whole.size() / 2] ^ 0x55);
  damaged.replace(zstd("user\titem\n").size(), 4, "nope");
  write_file(dir / "log.tsv.zst", damaged);
  EXPECT_THAT(read_all({.path = dir / "log.tsv.zst"}).error, HasSubstr("damaged"));
}

}  // namespace
}  // namespace remapd::files
