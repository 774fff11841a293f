#include "connectors/files/frame_reader.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace remapd::files {
namespace {

using test_support::TempDir;
using test_support::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kMaxFrame = std::size_t{1} << 20;

std::string framed(std::string_view message) {
  std::string out;
  std::uint64_t length = message.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>((length & 0x7f) | 0x80);
  out += static_cast<char>(length);
  return out.append(message);
}

struct Frames {
  // A frame too long stands as "!<length>", one cut off as "~<what there is>".
  std::vector<std::string> frames;
  std::optional<Error> error;
};

Frames read_frames(const std::filesystem::path& path, std::size_t max_frame = kMaxFrame) {
  Frames out;
  auto stream = InputStream::open(path);
  EXPECT_TRUE(stream);
  FrameReader reader(std::move(*stream), max_frame);
  for (;;) {
    ByteView frame;
    const auto outcome = reader.next(frame);
    if (!outcome) {
      out.error = outcome.error();
      return out;
    }
    if (*outcome == FrameReader::Outcome::kEnd) {
      EXPECT_EQ(reader.frames(), out.frames.size());
      return out;
    }
    std::string text(as_text(frame));
    if (*outcome == FrameReader::Outcome::kTooLong) {
      EXPECT_EQ(frame.size(), std::min<std::size_t>(reader.frame_bytes(), FrameReader::kKeptBytes));
      text = "!" + std::to_string(reader.frame_bytes());
    }
    if (*outcome == FrameReader::Outcome::kCutOff) text = "~" + text;
    out.frames.push_back(std::move(text));
  }
}

Frames frames_of(std::string_view content, std::size_t max_frame = kMaxFrame) {
  const TempDir dir;
  write_file(dir / "f", content);
  return read_frames(dir / "f", max_frame);
}

TEST(FrameReader, GivesFramesOfAllSizes) {
  Random random(1);
  std::string content;
  std::vector<std::string> expected;
  for (const std::size_t size : {0, 1, 127, 128, 16383, 16384, 262144, 262145, 700001, 5}) {
    expected.emplace_back(size, static_cast<char>(random.below(256)));
    content += framed(expected.back());
  }
  const Frames got = frames_of(content);
  EXPECT_FALSE(got.error);
  EXPECT_EQ(got.frames, expected);
  EXPECT_THAT(frames_of("").frames, IsEmpty());
}

TEST(FrameReader, SkipsFramesBeyondTheBound) {
  const auto a = [](std::size_t n) { return std::string(n, 'a'); };
  const std::string content =
      framed(a(10)) + framed(a(11)) + framed("b") + framed(a(1'000'000)) + framed("c");
  const Frames got = frames_of(content, 10);
  EXPECT_FALSE(got.error);
  EXPECT_THAT(got.frames, ElementsAre(a(10), "!11", "b", "!1000000", "c"));
}

TEST(FrameReader, ShowsWhatIsLeftOfACutOffFrame) {
  const std::string whole = framed("first") + framed(std::string(300, 'x'));
  for (std::size_t cut = 6; cut < whole.size(); ++cut) {
    const Frames got = frames_of(whole.substr(0, cut));
    EXPECT_FALSE(got.error) << cut;
    if (cut == 6) {
      EXPECT_THAT(got.frames, ElementsAre("first"));
    } else {
      ASSERT_EQ(got.frames.size(), 2U) << cut;
      EXPECT_EQ(got.frames[1][0], '~');
    }
  }
}

TEST(FrameReader, AFalseLengthAllocatesNothingAndIsACutOffFrame) {
  std::string huge = framed("first");
  for (int i = 0; i < 9; ++i) huge += '\xff';
  huge += '\x01';  // 2^64 - 1
  huge += "rest";
  const Frames got = frames_of(huge);
  EXPECT_FALSE(got.error);
  EXPECT_THAT(got.frames, ElementsAre("first", "~rest"));
}

TEST(FrameReader, BytesThatAreNoLengthAreCorrupt) {
  for (const std::string& bad : {std::string(10, '\xff'), std::string(9, '\x80') + '\x02'}) {
    const Frames got = frames_of(framed("first") + bad + "more of it");
    EXPECT_THAT(got.frames, ElementsAre("first"));
    ASSERT_TRUE(got.error);
    EXPECT_EQ(got.error->code, ErrorCode::kCorrupt);
    EXPECT_THAT(got.error->message, HasSubstr("after 1 messages"));
  }
}

TEST(FrameReader, PassesOnTheStreamsError) {
  const TempDir dir;
  Random random(2);
  std::string content;
  for (int i = 0; i < 20'000; ++i) content += framed(std::to_string(random.next()));
  const std::string bytes = test_support::gzip(content);
  write_file(dir / "f", std::string_view(bytes).substr(0, bytes.size() / 2));
  const Frames got = read_frames(dir / "f");
  ASSERT_TRUE(got.error);
  EXPECT_THAT(got.error->message, HasSubstr("ends early"));
  EXPECT_GT(got.frames.size(), 1'000U);
}

}  // namespace
}  // namespace remapd::files
