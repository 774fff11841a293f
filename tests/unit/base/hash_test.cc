#include "core/base/hash.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/bytes.h"

namespace remapd {
namespace {

// These values are part of persisted formats: a change of any breaks every published mapping.
TEST(Hash, ValuesArePinned) {
  EXPECT_EQ(mix64(0), 0U);
  EXPECT_EQ(mix64(1), 0x5692161d100b05e5ULL);
  EXPECT_EQ(mix64(0x9e3779b97f4a7c15ULL), 0xe220a8397b1dcdafULL) << "SplitMix64's first output";
  EXPECT_EQ(mix64(~0ULL), 0xb4d055fcf2cbbd7bULL);
  EXPECT_EQ(hash_id(0, 0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(hash_id(42, 7), 0xccf635ee9e9e2fa4ULL);
  EXPECT_EQ(hash_text(""), 0x14c502c5c512d033ULL);
  EXPECT_EQ(hash_text("B00X"), 0x37eb6ef331033402ULL);
  EXPECT_EQ(hash_text(std::string(300, 'x')), 0x4a21a0d52b36df09ULL);
  EXPECT_EQ(hash_text("B00X", 1), 0x9b16f600f9ee37c4ULL);
  EXPECT_EQ(checksum({}), 0x2d06800538d394c2ULL) << "XXH3-64 of nothing, as its authors publish it";
  EXPECT_EQ(checksum(as_bytes("remapd")), 0x78e49f444de78b99ULL);
}

TEST(Hash, AChecksumOfPiecesIsThatOfTheWhole) {
  const std::string text(1'000, 'r');
  const ByteView whole = as_bytes(text);
  Checksum sum;
  EXPECT_EQ(sum.value(), checksum({}));
  for (std::size_t begin = 0, size = 1; begin < whole.size(); begin += size, size *= 3) {
    size = std::min(size, whole.size() - begin);
    sum.add(whole.subspan(begin, size));
  }
  EXPECT_EQ(sum.value(), checksum(whole));
}

TEST(Hash, MixIsABijection) {
  // Its inverse, step by step: any two ids differ in their whole hash.
  const auto unshift = [](std::uint64_t x, int by) {
    std::uint64_t y = x;
    for (int done = by; done < 64; done += by) y = x ^ (y >> by);
    return y;
  };
  const auto inverse_of = [](std::uint64_t odd) {
    std::uint64_t inverse = odd;
    for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
    return inverse;
  };
  for (std::uint64_t x = 0; x < 10'000; ++x) {
    const std::uint64_t id = x * 0x123456789abcdefULL;
    std::uint64_t h = unshift(mix64(id), 31);
    h = unshift(h * inverse_of(0x94d049bb133111ebULL), 27);
    h = unshift(h * inverse_of(0xbf58476d1ce4e5b9ULL), 30);
    ASSERT_EQ(h, id);
  }
}

TEST(Hash, ReduceIsUniformAndInOrderOfTheHash) {
  constexpr std::uint32_t kBuckets = 97;
  std::array<int, kBuckets> hits{};
  for (Id id = 0; id < 97'000; ++id) ++hits[reduce(mix64(id), kBuckets)];
  for (const int n : hits) EXPECT_NEAR(n, 1000, 200);
  EXPECT_EQ(reduce(0, 5), 0U);
  EXPECT_EQ(reduce(~0ULL, 5), 4U);
  EXPECT_EQ(reduce(~0ULL, 1), 0U);
  EXPECT_EQ(reduce(~0ULL, 0xffffffff), 0xfffffffeU);
}

TEST(Hash, SeedsGiveOtherHashes) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (Id id = 0; id < 100; ++id) hashes.push_back(hash_id(id, seed));
    hashes.push_back(hash_text("item", seed));
  }
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

}  // namespace
}  // namespace remapd
