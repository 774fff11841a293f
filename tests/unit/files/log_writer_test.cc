#include "connectors/files/log_writer.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/files/event_generator.h"
#include "connectors/files/log_reader.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;
using pipeline::EventBatch;
using pipeline::FeatureSchema;
using pipeline::PollOutcome;
using test_support::FileSizeLimit;
using test_support::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

FeatureSchema user_and_item() {
  return FeatureSchema({{"user", TableIndex{0}}, {"item", TableIndex{1}}});
}

// Two samples; the second has no label and two items.
EventBatch two_samples() {
  EventBatch batch;
  batch.reset(2);
  batch.mutable_lengths(FeatureIndex{0}) = {1, 0};
  batch.mutable_values(FeatureIndex{0}) = {7};
  batch.mutable_lengths(FeatureIndex{1}) = {1, 2};
  batch.mutable_values(FeatureIndex{1}) = {18446744073709551615U, 8, 9};
  batch.mutable_labels() = {0.25F, std::numeric_limits<float>::quiet_NaN()};
  batch.seal(2);
  batch.event_time_ms = 1'700'000'000'123;
  return batch;
}

std::unique_ptr<LogFileWriter> open_writer(LogWriterOptions options) {
  auto writer = LogFileWriter::create(std::move(options), user_and_item());
  EXPECT_TRUE(writer) << writer.error().message;
  return std::move(*writer);
}

// Everything a log says, as one batch per feature.
struct Content {
  std::vector<std::vector<Id>> values;
  std::vector<std::vector<std::uint32_t>> lengths;
  std::vector<float> labels;
  std::int64_t last_time = 0;
  std::size_t samples = 0;

  void add(const EventBatch& batch) {
    values.resize(batch.features());
    lengths.resize(batch.features());
    for (std::uint32_t f = 0; f < batch.features(); ++f) {
      const auto v = batch.values(FeatureIndex{f});
      const auto n = batch.lengths(FeatureIndex{f});
      values[f].insert(values[f].end(), v.begin(), v.end());
      lengths[f].insert(lengths[f].end(), n.begin(), n.end());
    }
    labels.insert(labels.end(), batch.labels().begin(), batch.labels().end());
    last_time = batch.event_time_ms;
    samples += batch.samples();
  }
};

Content read_back(LogFileOptions options, const FeatureSchema& schema) {
  Content content;
  auto source = LogFileSource::create(std::move(options), schema, nullptr);
  EXPECT_TRUE(source) << source.error().message;
  EXPECT_TRUE((*source)->start({}));
  EventBatch batch;
  while ((*source)->poll(batch, std::chrono::seconds(1)).value() == PollOutcome::kBatch) {
    content.add(batch);
  }
  EXPECT_EQ((*source)->counters().dead_letters, 0U);
  return content;
}

TEST(LogFileWriter, EveryFormatReadsBackAsItWasWritten) {
  const TempDir dir;
  GeneratorConfig config;
  config.users = config.items = 1'000;
  config.communities = config.categories = 10;
  for (const char* name :
       {"log.tsv", "log.tsv.gz", "log.ndjson", "log.ndjson.gz", "log.binpb", "log.pb.gz"}) {
    auto generator = EventGenerator::create(config);
    ASSERT_TRUE(generator);
    auto writer = LogFileWriter::create({.path = dir / name}, generator->schema());
    ASSERT_TRUE(writer) << writer.error().message;
    Content written;
    EventBatch batch;
    for (int i = 0; i < 20; ++i) {
      generator->next(batch);
      ASSERT_TRUE((*writer)->write(batch)) << name;
      written.add(batch);
    }
    EXPECT_FALSE(fs::exists(dir / name)) << "not before it is whole";
    ASSERT_TRUE((*writer)->close()) << name;
    EXPECT_EQ((*writer)->samples(), written.samples);
    EXPECT_FALSE(fs::exists((dir / name).string() + ".partial"));

    const Content read = read_back({.path = dir / name}, generator->schema());
    EXPECT_EQ(read.samples, written.samples) << name;
    EXPECT_EQ(read.values, written.values) << name;
    EXPECT_EQ(read.lengths, written.lengths) << name;
    EXPECT_EQ(read.labels, written.labels) << name;
    EXPECT_EQ(read.last_time, written.last_time) << name;
  }
}

TEST(LogFileWriter, KeepsMissingLabelsMissingIdsAndSeveralIds) {
  const TempDir dir;
  for (const char* name : {"log.tsv", "log.ndjson", "log.binpb"}) {
    auto writer = open_writer({.path = dir / name, .multi_value_separator = '|'});
    ASSERT_TRUE(writer->write(two_samples()));
    ASSERT_TRUE(writer->close());
    const Content read =
        read_back({.path = dir / name, .tsv = {.multi_value_separator = '|'}}, user_and_item());
    EXPECT_THAT(read.values[0], ElementsAre(7U)) << name;
    EXPECT_THAT(read.lengths[0], ElementsAre(1U, 0U)) << name;
    EXPECT_THAT(read.values[1], ElementsAre(18446744073709551615U, 8U, 9U)) << name;
    EXPECT_THAT(read.lengths[1], ElementsAre(1U, 2U)) << name;
    ASSERT_EQ(read.labels.size(), 2U) << name;
    EXPECT_EQ(read.labels[0], 0.25F) << name;
    EXPECT_TRUE(std::isnan(read.labels[1])) << name;
    EXPECT_EQ(read.last_time, 1'700'000'000'123) << name;
  }
  EXPECT_EQ(test_support::read_file(dir / "log.tsv"),
            "timestamp\tlabel\tuser\titem\n"
            "1700000000123\t0.25\t7\t18446744073709551615\n"
            "1700000000123\t\t\t8|9\n");
}

TEST(LogFileWriter, RefusesSeveralIdsInAFieldWithoutASeparator) {
  const TempDir dir;
  auto writer = open_writer({.path = dir / "log.tsv"});
  const auto refused = writer->write(two_samples());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("2 ids of feature item"));
}

TEST(LogFileWriter, AnInterruptedWriterLeavesNothing) {
  const TempDir dir;
  {
    auto writer = open_writer({.path = dir / "log.ndjson"});
    ASSERT_TRUE(writer->write(two_samples()));
  }
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(LogFileWriter, OutOfSpaceIsToldAndLeavesNothing) {
  const TempDir dir;
  auto generator = EventGenerator::create({});
  ASSERT_TRUE(generator);
  std::optional<Error> error;
  {
    const FileSizeLimit limit(100'000);
    auto writer = LogFileWriter::create({.path = dir / "log.tsv"}, generator->schema());
    ASSERT_TRUE(writer);
    EventBatch batch;
    for (int i = 0; i < 200 && !error; ++i) {
      generator->next(batch);
      if (auto written = (*writer)->write(batch); !written) error = written.error();
    }
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kResource);
  EXPECT_THAT(error->message, HasSubstr("log.tsv"));
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(LogFileWriter, RefusesNamesThatTellNoFormatAndPlacesItCannotWrite) {
  const TempDir dir;
  const auto nameless = LogFileWriter::create({.path = dir / "log"}, user_and_item());
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().code, ErrorCode::kConfig);
  const auto placeless = LogFileWriter::create({.path = dir / "none/log.tsv"}, user_and_item());
  ASSERT_FALSE(placeless);
  EXPECT_EQ(placeless.error().code, ErrorCode::kNotFound);
  const auto tab =
      LogFileWriter::create({.path = dir / "log.tsv"}, FeatureSchema({{"a\tb", TableIndex{0}}}));
  ASSERT_FALSE(tab);
  EXPECT_EQ(tab.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace remapd::files
