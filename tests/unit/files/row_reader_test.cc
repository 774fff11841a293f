#include "connectors/files/row_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/files/tsv_decoder.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using testing::ElementsAre;

constexpr std::size_t kMaxBytes = 1000;

std::vector<std::string> rows(const std::string& text, char delimiter = ',') {
  const test_support::TempDir dir;
  test_support::write_file(dir / "log", text);
  auto stream = InputStream::open(dir / "log");
  EXPECT_TRUE(stream);
  RowReader reader(LineReader(std::move(*stream), kMaxBytes), kMaxBytes, delimiter);
  std::vector<std::string> out;
  for (;;) {
    std::string_view row;
    const auto outcome = reader.next(row);
    EXPECT_TRUE(outcome);
    if (!outcome || *outcome == LineReader::Outcome::kEnd) break;
    out.emplace_back(row);
    EXPECT_EQ(reader.row_bytes(), row.size());
  }
  std::size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(reader.lines(), lines);
  return out;
}

TEST(RowReader, ARowGoesOnWhereALineEndsInQuotes) {
  EXPECT_THAT(rows("a,b\n\"x\ny\",1\n2,3\n"), ElementsAre("a,b", "\"x\ny\",1", "2,3"));
  EXPECT_THAT(rows("1,\"\n\n\"\n2\n"), ElementsAre("1,\"\n\n\"", "2"));
  EXPECT_THAT(rows("\"a \"\"b\nc\"\"\",\"d\ne\"\n"), ElementsAre("\"a \"\"b\nc\"\"\",\"d\ne\""));
  // A quote inside of a field is a character.
  EXPECT_THAT(rows("5\" pipe,1\n2,3\n"), ElementsAre("5\" pipe,1", "2,3"));
  EXPECT_THAT(rows("1;\"\n\"\n", ';'), ElementsAre("1;\"\n\""));
}

TEST(RowReader, BetweenTabsALineIsARow) {
  EXPECT_THAT(rows("\"a\tb\n\"c\n", '\t'), ElementsAre("\"a\tb", "\"c"));
}

TEST(RowReader, AQuoteThatNothingClosesLosesNothing) {
  EXPECT_THAT(rows("\"a,1\nb,2\nc,3\n"), ElementsAre("\"a,1", "b,2", "c,3"));
  std::string text = "\"a\n";
  for (std::size_t i = 0; i < RowReader::kMaxRowLines; ++i) text += "b\n";
  EXPECT_EQ(rows(text + "c\"\n").size(), RowReader::kMaxRowLines + 2);
  // Longer than a record may be, by one line or by all together.
  EXPECT_EQ(rows("\"a\n" + std::string(kMaxBytes, 'b') + "\nc\"\n").size(), 3U);
}

TEST(EndsInQuotes, LooksAtTheLastField) {
  EXPECT_TRUE(ends_in_quotes("\"", ','));
  EXPECT_TRUE(ends_in_quotes("1,\"a", ','));
  EXPECT_TRUE(ends_in_quotes("1,\"a\"\"", ','));
  EXPECT_TRUE(ends_in_quotes("\"a\",\"b,", ','));
  for (const char* row : {"", "a", "\"a\"", "\"a\"\"\"", "a\"", "1,\"a\",2", "\"a\"b,c"}) {
    EXPECT_FALSE(ends_in_quotes(row, ',')) << row;
  }
}

}  // namespace
}  // namespace remapd::files
