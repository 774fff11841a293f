#include "connectors/files/log_reader.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "connectors/proto/access_batch_codec.h"
#include "tests/support/gzip.h"
#include "tests/support/real_logs.h"
#include "tests/support/recording_dead_letters.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using pipeline::EventBatch;
using pipeline::FeatureSchema;
using pipeline::PollOutcome;
using test_support::gzip;
using test_support::RecordingDeadLetters;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::milliseconds kPatience{1000};

FeatureSchema schema_of(const std::vector<std::string>& names) {
  std::vector<pipeline::Feature> features;
  for (const std::string& name : names) features.push_back({name, TableIndex{0}});
  return FeatureSchema(std::move(features));
}

std::unique_ptr<LogFileSource> open_log(LogFileOptions options,
                                        const std::vector<std::string>& features,
                                        pipeline::DeadLetterSink* dead_letters = nullptr) {
  auto source = LogFileSource::create(std::move(options), schema_of(features), dead_letters);
  EXPECT_TRUE(source) << source.error().message;
  return std::move(*source);
}

// All values of feature 0, batch after batch, and how reading ended.
struct ReadAll {
  std::vector<Id> ids;
  std::size_t batches = 0;
  std::size_t samples = 0;
  std::optional<Error> error;
};

ReadAll read_all(LogFileSource& source) {
  ReadAll out;
  EventBatch batch;
  for (;;) {
    const auto outcome = source.poll(batch, kPatience);
    if (!outcome) {
      out.error = outcome.error();
      return out;
    }
    if (*outcome == PollOutcome::kEnd) return out;
    const auto values = batch.values(FeatureIndex{0});
    out.ids.insert(out.ids.end(), values.begin(), values.end());
    out.samples += batch.samples();
    ++out.batches;
  }
}

std::string numbered_rows(int rows) {
  std::string text = "timestamp\tlabel\tuser\n";
  for (int i = 1; i <= rows; ++i) text += "5\t1\t" + std::to_string(i) + "\n";
  return text;
}

TEST(LogFileSource, ReadsAPlainLogInBatches) {
  const TempDir dir;
  write_file(dir / "log.tsv", numbered_rows(10));
  auto source = open_log({.path = dir / "log.tsv", .batch_samples = 4}, {"user"});
  ASSERT_TRUE(source->start({}));
  EXPECT_EQ(source->offsets()[0].next_offset, 1);

  EventBatch batch;
  ASSERT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kBatch);
  EXPECT_EQ(batch.samples(), 4U);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(1U, 2U, 3U, 4U));
  EXPECT_THAT(batch.labels(), ElementsAre(1.0F, 1.0F, 1.0F, 1.0F));
  EXPECT_EQ(batch.position.partition, 0U);
  EXPECT_EQ(batch.position.offset, 1);
  EXPECT_EQ(batch.position.next_offset, 5);

  ASSERT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kBatch);
  ASSERT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kBatch);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(9U, 10U));
  EXPECT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kEnd);
  EXPECT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kEnd);
  EXPECT_EQ(source->offsets(), (pipeline::StreamOffsets{{0, 11}}));
  EXPECT_EQ(source->counters().messages, 10U);
  EXPECT_EQ(source->counters().dead_letters, 0U);
  EXPECT_TRUE(source->commit(source->offsets()));
}

TEST(LogFileSource, GzipCrLfAndAMissingLastNewlineReadAlike) {
  const TempDir dir;
  write_file(dir / "a.tsv.gz", gzip(numbered_rows(3)));
  std::string crlf = "timestamp\tlabel\tuser\r\n5\t1\t1\r\n\r\n5\t1\t2\r\n5\t1\t3";
  write_file(dir / "b.tsv", crlf);
  for (const char* name : {"a.tsv.gz", "b.tsv"}) {
    auto source = open_log({.path = dir / name}, {"user"});
    ASSERT_TRUE(source->start({}));
    const ReadAll got = read_all(*source);
    EXPECT_FALSE(got.error);
    EXPECT_THAT(got.ids, ElementsAre(1U, 2U, 3U)) << name;
  }
}

TEST(LogFileSource, GoesOnFromAnyOffsetItGave) {
  const TempDir dir;
  write_file(dir / "log.tsv", numbered_rows(9) + "bad\n\n5\t1\t10\n");
  for (std::size_t cut = 0; cut <= 4; ++cut) {
    auto first = open_log({.path = dir / "log.tsv", .batch_samples = 3}, {"user"});
    ASSERT_TRUE(first->start({}));
    std::vector<Id> ids;
    EventBatch batch;
    for (std::size_t i = 0; i < cut; ++i) {
      ASSERT_EQ(first->poll(batch, kPatience).value(), PollOutcome::kBatch);
      ids.insert(ids.end(), batch.values(FeatureIndex{0}).begin(),
                 batch.values(FeatureIndex{0}).end());
    }
    auto second = open_log({.path = dir / "log.tsv", .batch_samples = 2}, {"user"});
    ASSERT_TRUE(second->start(first->offsets()));
    const ReadAll rest = read_all(*second);
    ids.insert(ids.end(), rest.ids.begin(), rest.ids.end());
    EXPECT_THAT(ids, ElementsAre(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U)) << cut;
  }
}

// Opening one would wait for a writer, and what has been read once is gone.
TEST(LogFileSource, APipeIsRefusedAtOnce) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "log.tsv").c_str(), 0600), 0);
  for (const auto& path : {dir / "log.tsv", dir.path()}) {
    const auto source = LogFileSource::create({.path = path}, schema_of({"item"}), nullptr);
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().code, ErrorCode::kConfig);
    EXPECT_THAT(source.error().message, HasSubstr(path.string() + ": it is a "));
  }
}

TEST(LogFileSource, StartReadsAgainFromTheBeginning) {
  const TempDir dir;
  write_file(dir / "log.tsv", numbered_rows(5));
  auto source = open_log({.path = dir / "log.tsv"}, {"user"});
  for (int pass = 0; pass < 3; ++pass) {
    ASSERT_TRUE(source->start({}));
    EXPECT_THAT(read_all(*source).ids, ElementsAre(1U, 2U, 3U, 4U, 5U));
  }
}

TEST(LogFileSource, OffsetsOfAnotherLogAreAConflict) {
  const TempDir dir;
  write_file(dir / "log.tsv", numbered_rows(5));
  auto source = open_log({.path = dir / "log.tsv"}, {"user"});
  EXPECT_TRUE(source->start({{0, 6}}));
  const auto beyond = source->start({{0, 7}});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::kConflict);
  const auto partition = source->start({{1, 0}});
  ASSERT_FALSE(partition);
  EXPECT_EQ(partition.error().code, ErrorCode::kConflict);
  EXPECT_THAT(partition.error().message, HasSubstr("partition 1"));
}

TEST(LogFileSource, BadRowsBecomeDeadLettersAndNeverStopTheStream) {
  const TempDir dir;
  write_file(dir / "log.tsv", "timestamp\tlabel\tuser\n5\t1\t1\nfoo\n5\tx\t2\n5\t1\t" +
                                  std::string(200, '9') + "\n5\t1\t4\n");
  RecordingDeadLetters dead;
  auto source = open_log({.path = dir / "log.tsv", .max_record_bytes = 100}, {"user"}, &dead);
  ASSERT_TRUE(source->start({}));
  const ReadAll got = read_all(*source);
  EXPECT_FALSE(got.error);
  EXPECT_THAT(got.ids, ElementsAre(1U, 4U));
  ASSERT_EQ(dead.letters.size(), 3U);
  EXPECT_EQ(dead.letters[0].offset, 3);
  EXPECT_EQ(dead.letters[0].payload, "foo");
  EXPECT_EQ(dead.letters[0].origin, (dir / "log.tsv").string());
  EXPECT_THAT(dead.letters[0].reason, HasSubstr("1 fields"));
  EXPECT_EQ(dead.letters[1].offset, 4);
  EXPECT_THAT(dead.letters[1].reason, HasSubstr("label"));
  EXPECT_EQ(dead.letters[2].offset, 5);
  EXPECT_THAT(dead.letters[2].reason, HasSubstr("204 bytes, more than the 100"));
  EXPECT_EQ(source->counters().messages, 5U);
  EXPECT_EQ(source->counters().dead_letters, 3U);
}

TEST(LogFileSource, ALongStretchOfBadRowsYieldsAtTheTimeout) {
  const TempDir dir;
  std::string text = "user\titem\n";
  for (int i = 0; i < 5000; ++i) text += "bad\n";
  write_file(dir / "log.tsv", text + "1\t2\n");
  auto source = open_log({.path = dir / "log.tsv"}, {"user"});
  ASSERT_TRUE(source->start({}));
  EventBatch batch;
  const auto outcome = source->poll(batch, std::chrono::milliseconds(0));
  ASSERT_EQ(outcome.value(), PollOutcome::kIdle);
  EXPECT_EQ(batch.samples(), 0U);
  const std::int64_t reached = source->offsets()[0].next_offset;
  EXPECT_GT(reached, 1);
  EXPECT_LT(reached, 5000);
  std::size_t polls = 0;
  while (source->poll(batch, std::chrono::milliseconds(0)).value() == PollOutcome::kIdle) ++polls;
  EXPECT_LT(polls, 10U);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(1U));
}

TEST(LogFileSource, TellsOnceWhenTheDeadLetterSinkFailsAndGoesOn) {
  const TempDir dir;
  write_file(dir / "log.tsv", "user\titem\n1\t1\nbad\n2\t2\n");
  RecordingDeadLetters dead;
  dead.refuse_with = Error{ErrorCode::kResource, "no space left", true};
  auto source = open_log({.path = dir / "log.tsv", .batch_samples = 2}, {"user"}, &dead);
  ASSERT_TRUE(source->start({}));
  EventBatch batch;
  ASSERT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kBatch);
  EXPECT_THAT(batch.values(FeatureIndex{0}), ElementsAre(1U, 2U));
  const auto told = source->poll(batch, kPatience);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().message, "no space left");
  EXPECT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kEnd);
  EXPECT_EQ(source->counters().dead_letters, 1U);
}

TEST(LogFileSource, ATruncatedGzipLogEndsInAnErrorAfterItsIntactRows) {
  const TempDir dir;
  const std::string whole = gzip(numbered_rows(50000));
  write_file(dir / "log.tsv.gz", std::string_view(whole).substr(0, whole.size() / 2));
  auto source = open_log({.path = dir / "log.tsv.gz"}, {"user"});
  ASSERT_TRUE(source->start({}));
  const ReadAll got = read_all(*source);
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
  EXPECT_FALSE(got.error->retryable);
  ASSERT_GT(got.ids.size(), 10000U);
  for (std::size_t i = 0; i < got.ids.size(); ++i) ASSERT_EQ(got.ids[i], i + 1);
  EventBatch batch;
  EXPECT_FALSE(source->poll(batch, kPatience)) << "the error stays";
}

constexpr std::string_view kLines = R"({"t":10,"label":1,"f":{"user":[1],"item":["B00X",5]}})"
                                    "\n"
                                    R"({"t":20,"label":0,"f":{"user":2}})"
                                    "\n"
                                    "\n"
                                    "not json\n"
                                    R"({"t":30,"f":{"user":[3]}})"
                                    "\n"
                                    R"({"t":40,"label":1,"f":{"user":[4.5]}})"
                                    "\n"
                                    R"({"t":50,"label":1,"f":{"user":[5],"other":[1]}})";

TEST(LogFileSource, ReadsNdjsonLineByLineOrMany) {
  const TempDir dir;
  write_file(dir / "log.ndjson", kLines);
  write_file(dir / "log.jsonl.gz", gzip(kLines));
  for (const char* name : {"log.ndjson", "log.jsonl.gz"}) {
    for (const std::size_t batch_samples : {1, 2, 1000}) {
      RecordingDeadLetters dead;
      auto source =
          open_log({.path = dir / name, .batch_samples = batch_samples}, {"user", "item"}, &dead);
      EXPECT_EQ(source->format(), LogFormat::kNdjson);
      ASSERT_TRUE(source->start({}));
      const ReadAll got = read_all(*source);
      EXPECT_FALSE(got.error);
      EXPECT_THAT(got.ids, ElementsAre(1U, 2U, 3U, 5U)) << batch_samples;
      EXPECT_EQ(source->counters().messages, 6U);
      EXPECT_EQ(source->counters().dead_letters, 2U);
      EXPECT_EQ(source->counters().unknown_features, 1U);
      ASSERT_EQ(dead.letters.size(), 2U);
      EXPECT_EQ(dead.letters[0].offset, 4);
      EXPECT_EQ(dead.letters[0].payload, "not json");
      EXPECT_EQ(dead.letters[1].offset, 6);
      EXPECT_THAT(dead.letters[1].payload, HasSubstr("[4.5]"));
    }
  }
}

TEST(LogFileSource, ALineOfNdjsonMayBeAList) {
  const TempDir dir;
  write_file(dir / "log.ndjson",
             "[{\"f\":{\"user\":1}},{\"f\":{\"user\":true}},{\"f\":{\"user\":2}}]\n");
  RecordingDeadLetters dead;
  auto source = open_log({.path = dir / "log.ndjson"}, {"user"}, &dead);
  ASSERT_TRUE(source->start({}));
  EXPECT_THAT(read_all(*source).ids, ElementsAre(1U, 2U));
  EXPECT_EQ(source->counters().messages, 1U);
  ASSERT_EQ(dead.letters.size(), 1U);
  EXPECT_EQ(dead.letters[0].offset, 1);
  EXPECT_THAT(dead.letters[0].reason, HasSubstr("element 2: f.user: an id is"));
}

TEST(LogFileSource, NdjsonGoesOnFromAnyOffsetItGave) {
  const TempDir dir;
  write_file(dir / "log.ndjson", kLines);
  std::vector<Id> ids;
  pipeline::StreamOffsets at;
  for (;;) {
    auto source = open_log({.path = dir / "log.ndjson", .batch_samples = 1}, {"user"});
    ASSERT_TRUE(source->start(at));
    EventBatch batch;
    PollOutcome outcome = PollOutcome::kIdle;
    while (outcome == PollOutcome::kIdle) outcome = source->poll(batch, kPatience).value();
    if (outcome == PollOutcome::kEnd) break;
    ids.insert(ids.end(), batch.values(FeatureIndex{0}).begin(),
               batch.values(FeatureIndex{0}).end());
    at = source->offsets();
  }
  EXPECT_THAT(ids, ElementsAre(1U, 2U, 3U, 5U));
}

TEST(LogFileSource, ANdjsonLineBeyondTheBoundIsADeadLetter) {
  const TempDir dir;
  write_file(dir / "log.ndjson", R"({"f":{"user":[1]}})"
                                 "\n" +
                                     std::string(5000, 'x') + "\n" +
                                     R"({"f":{"user":[2]}})"
                                     "\n");
  RecordingDeadLetters dead;
  auto source = open_log({.path = dir / "log.ndjson", .max_record_bytes = 100}, {"user"}, &dead);
  ASSERT_TRUE(source->start({}));
  EXPECT_THAT(read_all(*source).ids, ElementsAre(1U, 2U));
  ASSERT_EQ(dead.letters.size(), 1U);
  EXPECT_EQ(dead.letters[0].offset, 2);
  EXPECT_THAT(dead.letters[0].reason, HasSubstr("5000 bytes, more than the 100"));
}

EventBatch batch_of_users(const std::vector<Id>& users) {
  EventBatch batch;
  batch.reset(1);
  batch.mutable_values(FeatureIndex{0}) = users;
  batch.mutable_lengths(FeatureIndex{0}).assign(users.size(), 1);
  batch.mutable_labels().assign(users.size(), 1.0F);
  batch.seal(users.size());
  return batch;
}

std::string framed(std::string_view message) {
  EXPECT_LT(message.size(), 128U);
  return static_cast<char>(message.size()) + std::string(message);
}

std::string user_message(const std::vector<Id>& users) {
  return proto::encode_protobuf(batch_of_users(users), schema_of({"user"}), "test");
}

TEST(LogFileSource, ReadsLengthDelimitedProtobufMessageByMessage) {
  const TempDir dir;
  const std::string log = framed(user_message({1, 2, 3})) + framed("nonsense") + framed("") +
                          framed(user_message({4})) + framed(user_message({5, 6}));
  write_file(dir / "log.binpb", log);
  write_file(dir / "log.pb.gz", gzip(log));
  for (const char* name : {"log.binpb", "log.pb.gz"}) {
    RecordingDeadLetters dead;
    auto source = open_log({.path = dir / name}, {"user"}, &dead);
    EXPECT_EQ(source->format(), LogFormat::kProtobuf);
    ASSERT_TRUE(source->start({}));
    const ReadAll got = read_all(*source);
    EXPECT_FALSE(got.error);
    EXPECT_THAT(got.ids, ElementsAre(1U, 2U, 3U, 4U, 5U, 6U));
    EXPECT_EQ(got.batches, 3U);
    EXPECT_EQ(source->counters().messages, 5U);
    EXPECT_EQ(source->offsets()[0].next_offset, 5);
    ASSERT_GE(dead.letters.size(), 1U);
    EXPECT_EQ(dead.letters[0].payload, "nonsense");
    EXPECT_EQ(dead.letters[0].offset, 1);

    ASSERT_TRUE(source->start({{0, 4}}));
    EXPECT_THAT(read_all(*source).ids, ElementsAre(5U, 6U));
    EXPECT_EQ(source->start({{0, 6}}).error().code, ErrorCode::kConflict);
  }
}

TEST(LogFileSource, AProtobufLogThatWasCutOffEndsWithADeadLetter) {
  const TempDir dir;
  const std::string log = framed(user_message({1})) + framed(user_message({2}));
  write_file(dir / "log.binpb", std::string_view(log).substr(0, log.size() - 3));
  RecordingDeadLetters dead;
  auto source = open_log({.path = dir / "log.binpb"}, {"user"}, &dead);
  ASSERT_TRUE(source->start({}));
  const ReadAll got = read_all(*source);
  EXPECT_FALSE(got.error);
  EXPECT_THAT(got.ids, ElementsAre(1U));
  ASSERT_EQ(dead.letters.size(), 1U);
  EXPECT_EQ(dead.letters[0].offset, 1);
  EXPECT_THAT(dead.letters[0].reason, HasSubstr("cut off"));
}

TEST(LogFileSource, AProtobufLogWithoutLengthsIsCorruptAfterWhatCameBefore) {
  const TempDir dir;
  write_file(dir / "log.binpb", framed(user_message({1})) + std::string(20, '\xff'));
  auto source = open_log({.path = dir / "log.binpb"}, {"user"});
  ASSERT_TRUE(source->start({}));
  const ReadAll got = read_all(*source);
  EXPECT_THAT(got.ids, ElementsAre(1U));
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
}

TEST(LogFileSource, LabelsCanBeIgnoredInEveryFormat) {
  const TempDir dir;
  write_file(dir / "log.tsv", numbered_rows(2));
  write_file(dir / "log.ndjson", R"({"label":1,"f":{"user":[1]}})"
                                 "\n");
  write_file(dir / "log.binpb", framed(user_message({1})));
  for (const char* name : {"log.tsv", "log.ndjson", "log.binpb"}) {
    for (const LabelUse use : {LabelUse::kIfPresent, LabelUse::kIgnore}) {
      auto source = open_log({.path = dir / name, .tsv = {.labels = use}}, {"user"});
      ASSERT_TRUE(source->start({}));
      EventBatch batch;
      ASSERT_EQ(source->poll(batch, kPatience).value(), PollOutcome::kBatch);
      EXPECT_EQ(batch.labels().size(), use == LabelUse::kIgnore ? 0U : batch.samples()) << name;
    }
  }
}

TEST(LogFileSource, TheFormatCanBeForced) {
  const TempDir dir;
  write_file(dir / "log.txt", kLines);
  auto source = open_log({.path = dir / "log.txt", .format = LogFormat::kNdjson}, {"user"});
  ASSERT_TRUE(source->start({}));
  EXPECT_THAT(read_all(*source).ids, ElementsAre(1U, 2U, 3U, 5U));
}

TEST(LogFileSource, RefusesWhatCannotBeALog) {
  const TempDir dir;
  const auto create = [&](std::string_view name, std::size_t max_line = 1000) {
    return LogFileSource::create({.path = dir / name, .max_record_bytes = max_line},
                                 schema_of({"user"}), nullptr);
  };
  const auto missing = create("missing.tsv");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);

  write_file(dir / "empty.tsv", "");
  const auto empty = create("empty.tsv");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(empty.error().message, HasSubstr("empty"));

  write_file(dir / "headless.tsv", "1\t2\t3\n4\t5\t6\n");
  const auto headless = create("headless.tsv");
  ASSERT_FALSE(headless);
  EXPECT_EQ(headless.error().code, ErrorCode::kConfig);
  EXPECT_THAT(headless.error().message, HasSubstr("headless.tsv"));
  EXPECT_THAT(headless.error().message, HasSubstr("is the header line missing?"));

  write_file(dir / "long.tsv", std::string(5000, 'x') + "\n");
  const auto long_line = create("long.tsv");
  ASSERT_FALSE(long_line);
  EXPECT_EQ(long_line.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(long_line.error().message, HasSubstr("5000 bytes"));
}

TEST(LogFileSource, ReadsTheRealLogs) {
  const auto path = test_support::real_log("epinions.tsv.gz");
  if (!path) GTEST_SKIP() << "epinions.tsv.gz is not here; set REMAPD_DATA to its folder";
  auto source = open_log({.path = *path}, {"user_id", "item_id", "category"});
  ASSERT_TRUE(source->start({}));
  EventBatch batch;
  std::size_t samples = 0;
  double labels = 0;
  while (source->poll(batch, kPatience).value() == PollOutcome::kBatch) {
    samples += batch.samples();
    for (const float label : batch.labels()) labels += label;
    for (std::uint32_t f = 0; f < 3; ++f) {
      ASSERT_EQ(batch.values(FeatureIndex{f}).size(), batch.samples());
    }
  }
  EXPECT_EQ(samples, 922267U);
  EXPECT_GT(labels, 0.5 * static_cast<double>(samples));
  EXPECT_LT(labels, 0.9 * static_cast<double>(samples));
  EXPECT_EQ(source->counters().dead_letters, 0U);
  EXPECT_EQ(source->counters().unknown_features, 2U);
}

}  // namespace
}  // namespace remapd::files
