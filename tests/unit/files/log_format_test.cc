#include "connectors/files/log_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::gzip;
using test_support::TempDir;
using test_support::write_file;

TEST(LogFormat, FollowsFromTheName) {
  const std::pair<const char*, LogFormat> names[] = {
      {"a.tsv", LogFormat::kTsv},           {"a.tsv.gz", LogFormat::kTsv},
      {"dir.pb/a.TXT", LogFormat::kTsv},    {"a.tab", LogFormat::kTsv},
      {"a.ndjson", LogFormat::kNdjson},     {"a.jsonl.gz", LogFormat::kNdjson},
      {"a.json", LogFormat::kNdjson},       {"a.pb", LogFormat::kProtobuf},
      {"a.binpb.GZ", LogFormat::kProtobuf}, {"a.csv", LogFormat::kCsv},
      {"a.csv.gz", LogFormat::kCsv},        {"a.tsv.zst", LogFormat::kTsv}};
  for (const auto& [name, format] : names) EXPECT_EQ(format_of_name(name), format) << name;
  for (const char* name : {"a", "a.gz", "a.parquet", "tsv", ".gz", "a.tsv.xz"}) {
    EXPECT_EQ(format_of_name(name), std::nullopt) << name;
  }
}

TEST(LogFormat, NamesAreReadAsTheyAreWritten) {
  for (const LogFormat format :
       {LogFormat::kTsv, LogFormat::kCsv, LogFormat::kNdjson, LogFormat::kProtobuf}) {
    EXPECT_EQ(parse_log_format(to_string(format)), format);
  }
  EXPECT_EQ(parse_log_format("parquet"), std::nullopt);
}

TEST(LogFormat, FollowsFromTheContentWhenTheNameSaysNothing) {
  const TempDir dir;
  const std::string batch = std::string("\x16\x0a\x04user", 7) + "rest of the message";
  const std::pair<std::string, LogFormat> contents[] = {
      {"timestamp\tlabel\tuser\n1\t1\t7\n", LogFormat::kTsv},
      {"user,item\n1,2\n", LogFormat::kCsv},
      {"{\"f\":{\"user\":[7]}}\n", LogFormat::kNdjson},
      {batch, LogFormat::kProtobuf},
      {std::string("\x96\x02\x0a\x04user", 8) + "rest", LogFormat::kProtobuf}};
  for (const auto& [content, format] : contents) {
    write_file(dir / "log", content);
    EXPECT_EQ(detect_format(dir / "log").value(), format) << content;
    write_file(dir / "log.gz", gzip(content));
    EXPECT_EQ(detect_format(dir / "log.gz").value(), format) << content;
  }
}

TEST(LogFormat, SaysWhatToDoWhenNothingTells) {
  const TempDir dir;
  for (const std::string content : {"", "user\n7\n", "a;b;c\n", "\xff\xd8\xff\xe0 a picture"}) {
    write_file(dir / "log", content);
    const auto unknown = detect_format(dir / "log");
    ASSERT_FALSE(unknown) << content;
    EXPECT_EQ(unknown.error().code, ErrorCode::kConfig);
    EXPECT_THAT(unknown.error().message,
                testing::HasSubstr("name it .tsv, .csv, .ndjson or .binpb"));
  }
  EXPECT_EQ(detect_format(dir / "missing").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace remapd::files
