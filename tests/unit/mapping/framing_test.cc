#include "core/mapping/framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::mapping {
namespace {

using testing::HasSubstr;

constexpr Magic kMagic{'R', 'M', 'P', 'D', 'T', 'E', 'S', 'T'};

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

TEST(Framing, GivesThePayloadBack) {
  for (const std::string_view text : {"", "x", "a longer payload"}) {
    const Bytes framed = frame(kMagic, 3, bytes_of(text));
    EXPECT_EQ(framed.size(), 32 + text.size());
    const auto payload = unframe(kMagic, 3, framed, "thing");
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(as_text(*payload), text);
  }
}

TEST(Framing, NamesWhatIsWrong) {
  const Bytes good = frame(kMagic, 3, bytes_of("payload"));
  const auto error = [&](ByteView bytes, std::uint32_t format = 3) {
    const auto payload = unframe(kMagic, format, bytes, "thing");
    EXPECT_FALSE(payload);
    return payload.error();
  };
  EXPECT_EQ(error(good, 4).code, ErrorCode::kUnsupported);
  EXPECT_THAT(error(good, 4).message, HasSubstr("format 3, this build reads 4"));
  Bytes other = good;
  other[7] = std::byte{'X'};
  EXPECT_THAT(error(other).message, HasSubstr("thing: not one"));
  Bytes longer = good;
  longer.push_back(std::byte{0});
  EXPECT_THAT(error(longer).message, HasSubstr("cut short or too long"));
  Bytes damaged = good;
  damaged.back() ^= std::byte{1};
  EXPECT_THAT(error(damaged).message, HasSubstr("checksum"));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(error(ByteView(good).first(size)).code, ErrorCode::kCorrupt) << size;
  }
}

// The size is compared with what is there before anything is read or allocated for it.
TEST(Framing, RefusesASizeBeyondTheBytes) {
  Bytes bytes = frame(kMagic, 3, bytes_of("payload"));
  std::fill_n(bytes.begin() + 16, 8, std::byte{0xff});
  const auto payload = unframe(kMagic, 3, bytes, "thing");
  ASSERT_FALSE(payload);
  EXPECT_EQ(payload.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace remapd::mapping
