#include "connectors/files/line_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::gzip;
using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kMaxLine = std::size_t{1} << 20;

struct Lines {
  std::vector<std::string> lines;  // a line that is too long stands as "!<length>"
  std::optional<Error> error;
  std::uint64_t count = 0;
};

Lines read_lines(const std::filesystem::path& path, std::size_t max_line = kMaxLine) {
  Lines out;
  auto stream = InputStream::open(path);
  if (!stream) {
    out.error = stream.error();
    return out;
  }
  LineReader reader(std::move(*stream), max_line);
  for (;;) {
    std::string_view line;
    const auto outcome = reader.next(line);
    out.count = reader.lines();
    if (!outcome) {
      out.error = outcome.error();
      return out;
    }
    if (*outcome == LineReader::Outcome::kEnd) return out;
    if (*outcome == LineReader::Outcome::kTooLong) {
      EXPECT_EQ(line.size(), std::min(reader.line_bytes(), LineReader::kKeptBytes));
      out.lines.push_back("!" + std::to_string(reader.line_bytes()));
    } else {
      EXPECT_EQ(line.size(), reader.line_bytes());
      out.lines.emplace_back(line);
    }
  }
}

std::vector<std::string> lines_of(std::string_view content, std::size_t max_line = kMaxLine) {
  const TempDir dir;
  write_file(dir / "f", content);
  const Lines got = read_lines(dir / "f", max_line);
  EXPECT_FALSE(got.error);
  EXPECT_EQ(got.count, got.lines.size());
  return got.lines;
}

TEST(LineReader, SplitsAtLineEnds) {
  EXPECT_THAT(lines_of(""), IsEmpty());
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
  EXPECT_THAT(lines_of("a\n\nb\n"), ElementsAre("a", "", "b"));
}

TEST(LineReader, NeedsNoNewlineAtTheEnd) {
  EXPECT_THAT(lines_of("a\nb"), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of("a\r\nb\r"), ElementsAre("a", "b"));
}

TEST(LineReader, DropsCarriageReturnsOfLineEndsOnly) {
  EXPECT_THAT(lines_of("a\r\nb\rc\r\r\n\r\n"), ElementsAre("a", "b\rc\r", ""));
}

TEST(LineReader, BoundsTheLengthOfALine) {
  const auto a = [](std::size_t n) { return std::string(n, 'a'); };
  EXPECT_THAT(lines_of(a(10) + "\n" + a(11) + "\nb\n", 10), ElementsAre(a(10), "!11", "b"));
  EXPECT_THAT(lines_of(a(10) + "\r\n" + a(12) + "\nb\n", 10), ElementsAre(a(10), "!12", "b"));
  EXPECT_THAT(lines_of(a(5000000) + "\nb\n" + a(13), 10), ElementsAre("!5000000", "b", "!13"));
  EXPECT_THAT(lines_of(a(300000) + "\n" + a(300001) + "\nb", 300000),
              ElementsAre(a(300000), "!300001", "b"));
}

TEST(LineReader, AgreesWithASimpleSplitOnRandomText) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::string content;
    std::vector<std::string> expected;
    for (std::size_t i = 0, n = random.below(300); i < n; ++i) {
      const std::size_t length = random.below(2) == 0 ? random.below(20) : random.below(9000);
      expected.emplace_back(length, static_cast<char>('a' + random.below(26)));
      content += expected.back() + (random.below(2) == 0 ? "\n" : "\r\n");
    }
    EXPECT_EQ(lines_of(content, 9000), expected) << "seed " << seed;
  }
}

TEST(LineReader, GivesWholeLinesBeforeAnErrorAndNotThePieceAfter) {
  const TempDir dir;
  std::string content;
  Random random(3);
  for (int i = 0; i < 20000; ++i) content += std::to_string(random.next()) + "\n";
  const std::string bytes = gzip(content);
  write_file(dir / "f", std::string_view(bytes).substr(0, bytes.size() / 2));
  const Lines got = read_lines(dir / "f");
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
  ASSERT_GT(got.lines.size(), 1000U);
  std::string joined;
  for (const std::string& line : got.lines) joined += line + "\n";
  EXPECT_EQ(joined, content.substr(0, joined.size()));
}

}  // namespace
}  // namespace remapd::files
