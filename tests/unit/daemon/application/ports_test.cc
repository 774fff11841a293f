#include "daemon/application/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_lines.h"
#include "tests/support/temp_dir.h"

namespace remapd::application {
namespace {

using namespace std::chrono_literals;
using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

class PortsTest : public testing::Test {
 protected:
  PortsTest() {
    write_file(dir_ / "events.tsv", "user\titem\n1\t2\nbad\n3\t4\n");
    config_.source.file.path = dir_ / "events.tsv";
    config_.sink.directory_path = dir_ / "mappings";
    config_.dead_letter.file_path = dir_ / "letters.ndjson";
    config_.checkpoint.dir = dir_ / "checkpoints";
  }

  Result<Ports> open() { return open_ports(config_, schema_, log_.log(), clock_); }
  std::string error() {
    const auto ports = open();
    return ports ? "" : ports.error().message;
  }

  TempDir dir_;
  config::Config config_;
  pipeline::FeatureSchema schema_{{{"user", TableIndex{0}}, {"item", TableIndex{1}}}};
  test_support::LogLines log_;
  SystemClock clock_;
};

TEST_F(PortsTest, OpensWhatTheConfigurationNames) {
  auto ports = open();
  ASSERT_TRUE(ports) << ports.error().message;
  EXPECT_EQ(ports->stream, "file " + (dir_ / "events.tsv").string());
  ASSERT_TRUE(ports->sink && ports->source && ports->checkpoints && ports->dead_letters);
  EXPECT_TRUE(ports->sink->take_over("item", "here"));
  EXPECT_TRUE(ports->checkpoints->save({as_bytes("state")}));
  ASSERT_TRUE(ports->source->start({}));
  pipeline::EventBatch batch;
  ASSERT_TRUE(ports->source->poll(batch, 1s));
  EXPECT_EQ(batch.samples(), 2U);
  ASSERT_TRUE(ports->dead_letters->flush());
  EXPECT_THAT(test_support::read_file(dir_ / "letters.ndjson"), HasSubstr("\"offset\":3"));
}

TEST_F(PortsTest, TheSameFileHasOneName) {
  std::filesystem::create_directory(dir_ / "sub");
  config_.source.file.path = dir_ / "sub/../events.tsv";
  const auto ports = open();
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->stream, "file " + (dir_ / "events.tsv").string());
}

TEST_F(PortsTest, CheckpointsAndDeadLettersCanBeLeftOut) {
  config_.checkpoint.dir.clear();
  config_.dead_letter.kind = config::DeadLetterKind::kNone;
  auto ports = open();
  ASSERT_TRUE(ports);
  EXPECT_EQ(ports->checkpoints, nullptr);
  EXPECT_EQ(ports->dead_letter_store, nullptr);
  ASSERT_TRUE(ports->source->start({}));
  pipeline::EventBatch batch;
  ASSERT_TRUE(ports->source->poll(batch, 1s));
  EXPECT_EQ(ports->source->counters().dead_letters, 1U);
}

TEST_F(PortsTest, OptionsOfTheLogReachItsReader) {
  write_file(dir_ / "events.tsv", "user\titem\tclick\n1\t2|3\t1\n");
  config_.source.file.label_column = "click";
  config_.source.file.labels = config::Labels::kRequired;
  config_.source.file.multi_value_separator = "|";
  auto ports = open();
  ASSERT_TRUE(ports) << ports.error().message;
  ASSERT_TRUE(ports->source->start({}));
  pipeline::EventBatch batch;
  ASSERT_TRUE(ports->source->poll(batch, 1s));
  ASSERT_EQ(batch.labels().size(), 1U);
  EXPECT_EQ(batch.labels()[0], 1.0F);
  EXPECT_EQ(batch.values(FeatureIndex{1}).size(), 2U);

  config_.source.file.label_column = "bought";
  EXPECT_THAT(error(), HasSubstr("bought"));
  config_.source.file.labels = config::Labels::kIgnore;
  EXPECT_EQ(error(), "");
}

TEST_F(PortsTest, AFormatCanBeGiven) {
  config_.source.file.format = config::LogFileFormat::kNdjson;
  auto ports = open();
  ASSERT_TRUE(ports);
  ASSERT_TRUE(ports->source->start({}));
  pipeline::EventBatch batch;
  ASSERT_TRUE(ports->source->poll(batch, 1s));
  EXPECT_EQ(ports->source->counters().dead_letters, 4U);  // none of its lines is JSON
}

TEST_F(PortsTest, ErrorsNameTheSectionToChange) {
  const config::Config good = config_;
  write_file(dir_ / "file", "");
  config_.source.file.path = dir_ / "missing.tsv";
  EXPECT_THAT(error(), HasSubstr("[source.file]: "));
  config_ = good;
  config_.sink.directory_path = dir_ / "file";
  EXPECT_THAT(error(), HasSubstr("[sink.directory]: "));
  config_ = good;
  config_.checkpoint.dir = dir_ / "file";
  EXPECT_THAT(error(), HasSubstr("[checkpoint]: "));
  config_ = good;
  config_.dead_letter.file_path = dir_ / "file" / "letters";
  EXPECT_THAT(error(), HasSubstr("[dead_letter.file]: "));
}

TEST_F(PortsTest, KafkaNeedsNoBrokerToBeOpened) {
  config_.kafka.brokers = "127.0.0.1:1";
  config_.source.kind = config::SourceKind::kKafka;
  config_.dead_letter.kind = config::DeadLetterKind::kKafka;
  {
    const auto ports = open();
    ASSERT_TRUE(ports) << ports.error().message;
    EXPECT_EQ(ports->stream, "kafka remap.events");
  }
  config_.source.kafka.properties["no.such.property"] = "1";
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("[source.kafka]: "),
                                      HasSubstr("source.kafka.properties.\"no.such.property\"")));
}

}  // namespace
}  // namespace remapd::application
