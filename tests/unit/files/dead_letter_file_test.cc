#include "connectors/files/dead_letter_file.h"

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/base/failpoint.h"
#include "core/pipeline/failpoints.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using pipeline::DeadLetter;
using test_support::FileSizeLimit;
using test_support::read_file;
using test_support::TempDir;
using test_support::write_file;
using testing::HasSubstr;

std::vector<json> letters_in(const fs::path& path) {
  std::vector<json> letters;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) letters.push_back(json::parse(line));
  return letters;
}

DeadLetter letter_of(std::string_view payload, std::int64_t offset = 0) {
  return {.payload = as_bytes(payload),
          .reason = "it is bad",
          .origin = "access",
          .partition = 3,
          .offset = offset};
}

std::unique_ptr<DeadLetterFile> open_file(DeadLetterFileOptions options) {
  auto file = DeadLetterFile::create(std::move(options));
  EXPECT_TRUE(file) << file.error().message;
  return std::move(*file);
}

TEST(DeadLetterFile, WritesALineOfJsonForEachLetter) {
  const TempDir dir;
  auto file = open_file({.path = dir / "new/dead.ndjson"});
  ASSERT_TRUE(file->accept(letter_of("hello", 17)));
  ASSERT_TRUE(file->accept(letter_of("", 18)));
  ASSERT_TRUE(file->flush());
  EXPECT_EQ(read_file(dir / "new/dead.ndjson"),
            "{\"origin\":\"access\",\"partition\":3,\"offset\":17,\"reason\":\"it is bad\","
            "\"payload_bytes\":5,\"payload\":\"aGVsbG8=\"}\n"
            "{\"origin\":\"access\",\"partition\":3,\"offset\":18,\"reason\":\"it is bad\","
            "\"payload_bytes\":0,\"payload\":\"\"}\n");
  EXPECT_EQ(file->counters().accepted, 2U);
}

TEST(DeadLetterFile, SaysInWhichLineOfAMessageARecordIs) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead"});
  DeadLetter letter = letter_of("x", 17);
  letter.line = 500;
  ASSERT_TRUE(file->accept(letter));
  ASSERT_TRUE(file->flush());
  EXPECT_EQ(letters_in(dir / "dead").at(0)["line"], 500);
}

TEST(DeadLetterFile, LettersCanBeReadOnceTheyAreShown) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead"});
  ASSERT_TRUE(file->accept(letter_of("hello")));
  ASSERT_TRUE(file->show());
  EXPECT_EQ(letters_in(dir / "dead").size(), 1U);
  ASSERT_TRUE(file->show());
  ASSERT_TRUE(file->flush());
  EXPECT_EQ(letters_in(dir / "dead").size(), 1U);
}

TEST(DeadLetterFile, KeepsAnyBytesAndQuotesAnyReason) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead"});
  std::string all_bytes;
  for (int b = 0; b < 256; ++b) all_bytes += static_cast<char>(b);
  DeadLetter letter = letter_of(all_bytes);
  letter.reason = "label \"\xff\n\" is bad";
  ASSERT_TRUE(file->accept(letter));
  ASSERT_TRUE(file->flush());
  const auto letters = letters_in(dir / "dead");
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]["reason"], "label \"\xef\xbf\xbd\n\" is bad");
  const std::string payload = letters[0]["payload"];
  EXPECT_EQ(payload.size(), 344U);
  EXPECT_THAT(payload, testing::StartsWith("AAECAwQF"));
  EXPECT_THAT(payload, testing::EndsWith("+/w=="));
}

TEST(DeadLetterFile, CutsLongPayloadsAndSaysSo) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead", .max_payload_bytes = 6});
  ASSERT_TRUE(file->accept(letter_of("hello world")));
  ASSERT_TRUE(file->flush());
  const auto letters = letters_in(dir / "dead");
  EXPECT_EQ(letters[0]["payload_bytes"], 11);
  EXPECT_EQ(letters[0]["payload"], "aGVsbG8g");
}

TEST(DeadLetterFile, AppendsAfterARestartAlsoToHalfALine) {
  const TempDir dir;
  { ASSERT_TRUE(open_file({.path = dir / "dead"})->accept(letter_of("a", 1))); }
  EXPECT_EQ(letters_in(dir / "dead").size(), 1U) << "destruction writes what is buffered";
  write_file(dir / "dead", read_file(dir / "dead") + "{\"origin\":\"acc");
  auto file = open_file({.path = dir / "dead"});
  ASSERT_TRUE(file->accept(letter_of("b", 2)));
  ASSERT_TRUE(file->flush());
  std::istringstream lines(read_file(dir / "dead"));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)["offset"], 1);
  std::getline(lines, line);
  EXPECT_EQ(line, "{\"origin\":\"acc");
  std::getline(lines, line);
  EXPECT_EQ(json::parse(line)["offset"], 2);
}

TEST(DeadLetterFile, RotatesWithinItsBound) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead", .max_bytes = 1000, .keep_rotated = 2});
  const std::string payload(100, 'x');
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(file->accept(letter_of(payload, i)));
    if (i % 7 == 0) {
      ASSERT_TRUE(file->flush());
    }
  }
  ASSERT_TRUE(file->flush());
  EXPECT_FALSE(fs::exists(dir / "dead.3"));
  int next = -1;
  for (const char* name : {"dead.2", "dead.1", "dead"}) {
    EXPECT_LE(fs::file_size(dir / name), 1000U) << name;
    for (const json& letter : letters_in(dir / name)) {
      if (next >= 0) {
        EXPECT_EQ(letter["offset"], next) << name;
      }
      next = letter["offset"].get<int>() + 1;
    }
  }
  EXPECT_EQ(next, 40);
  EXPECT_GT(file->counters().files_removed, 0U);
}

TEST(DeadLetterFile, ALetterLargerThanTheBoundGetsAFileOfItsOwn) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead", .max_bytes = 200, .keep_rotated = 0});
  const std::string payload(1000, 'x');
  ASSERT_TRUE(file->accept(letter_of(payload, 1)));
  ASSERT_TRUE(file->accept(letter_of(payload, 2)));
  ASSERT_TRUE(file->flush());
  const auto letters = letters_in(dir / "dead");
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]["offset"], 2);
  EXPECT_EQ(file->counters().files_removed, 1U);
}

TEST(DeadLetterFile, KeepsLettersInMemoryWhileTheDiskIsFullUpToABound) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead"});
  ASSERT_TRUE(file->accept(letter_of("first", 0)));
  ASSERT_TRUE(file->flush());
  const std::string payload(300000, 'x');
  std::optional<Result<void>> flushed;
  std::optional<Error> refusal;
  {
    const FileSizeLimit limit(100000);
    for (int i = 1; i <= 20; ++i) {
      if (auto accepted = file->accept(letter_of(payload, i)); !accepted) {
        refusal = accepted.error();
      }
    }
    flushed = file->flush();
  }
  ASSERT_FALSE(*flushed);
  EXPECT_EQ(flushed->error().code, ErrorCode::kResource);
  EXPECT_TRUE(flushed->error().retryable);
  EXPECT_THAT(flushed->error().message, HasSubstr((dir / "dead").string()));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, ErrorCode::kResource);
  EXPECT_GT(file->counters().refused, 0U);
  EXPECT_EQ(file->counters().accepted + file->counters().refused, 21U);

  ASSERT_TRUE(file->flush()) << "space is back";
  const auto letters = letters_in(dir / "dead");
  EXPECT_EQ(letters.size(), file->counters().accepted);
  for (std::size_t i = 0; i < letters.size(); ++i) EXPECT_EQ(letters[i]["offset"], i);
}

// fsync() tells of lost pages once; asked again it says that all is well.
TEST(DeadLetterFile, WritesAgainWhatCouldNotBeSynced) {
  const TempDir dir;
  auto file = open_file({.path = dir / "dead"});
  ASSERT_TRUE(file->accept(letter_of("first", 0)));
  ASSERT_TRUE(file->flush());
  const std::string synced = read_file(dir / "dead");
  ASSERT_TRUE(file->accept(letter_of("second", 1)));
  ASSERT_TRUE(arm_failpoints("dead_letters.sync=EIO", pipeline::failpoints::kAll));
  const auto flushed = file->flush();
  ASSERT_TRUE(arm_failpoints("", {}));
  ASSERT_FALSE(flushed);
  EXPECT_TRUE(flushed.error().retryable);
  fs::resize_file(dir / "dead", synced.size());  // what the kernel has dropped
  ASSERT_TRUE(file->flush());
  const auto letters = letters_in(dir / "dead");
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[1]["offset"], 1);
}

TEST(DeadLetterFile, SaysWhichFileItCannotOpen) {
  const TempDir dir;
  write_file(dir / "file", "");
  const auto below_a_file = DeadLetterFile::create({.path = dir / "file/dead"});
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, ErrorCode::kIo);
  const auto directory = DeadLetterFile::create({.path = dir.path()});
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr(dir.path().string()));
}

}  // namespace
}  // namespace remapd::files
