#include "core/base/state_writer.h"

#include <atomic>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/support/saved_state.h"

namespace remapd {
namespace {

TEST(StateWriter, KeepsTheOrderOfWhatWasAdded) {
  StateWriter out;
  out.small().put<std::uint32_t>(0);
  out.small().put<std::uint32_t>(1);
  std::uint32_t expected = 2;
  for (int round = 0; round < 50; ++round) {
    out.add([value = expected++](ByteWriter& bytes) { bytes.put(value); });
    out.small().put(expected++);
  }
  const Bytes bytes = support::joined(std::move(out).write());
  ByteReader in(bytes);
  for (std::uint32_t i = 0; i < expected; ++i) ASSERT_EQ(in.get<std::uint32_t>(), i);
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(StateWriter, CallsNoSectionBeforeWrite) {
  std::atomic<int> calls = 0;
  StateWriter out;
  for (int i = 0; i < 8; ++i) out.add([&](ByteWriter&) { ++calls; });
  EXPECT_EQ(calls, 0);
  std::move(out).write();
  EXPECT_EQ(calls, 8);
}

// A state of many small parts is written with few calls, and large ones are not copied again.
TEST(StateWriter, JoinsSmallPiecesOnly) {
  StateWriter out;
  for (int i = 0; i < 1000; ++i) out.add([](ByteWriter& bytes) { bytes.put<std::uint64_t>(1); });
  EXPECT_EQ(std::move(out).write().size(), 1U);
  StateWriter large;
  constexpr std::size_t kLarge = std::size_t{1} << 20;
  for (int i = 0; i < 3; ++i) {
    large.add([](ByteWriter& bytes) { bytes.bytes().resize(kLarge); });
  }
  EXPECT_EQ(std::move(large).write().size(), 3U);
  EXPECT_TRUE(StateWriter().write().empty());
}

TEST(StateWriter, ArraysOfAnySizeComeBack) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kSparseRange, 2 * kSparseRange + 3}) {
    std::vector<std::uint32_t> values(size);
    for (std::size_t i = 0; i < size; i += 700'001) values[i] = static_cast<std::uint32_t>(i + 1);
    StateWriter out;
    out.add_sparse(std::span<const std::uint32_t>(values));
    out.small().put<std::uint8_t>(7);
    const Bytes bytes = support::joined(std::move(out).write());
    std::vector<std::uint32_t> read(size);
    ByteReader in(bytes);
    in.get_sparse_ranges(std::span(read));
    EXPECT_EQ(in.get<std::uint8_t>(), 7U);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(read, values);
    if (size < 2) continue;
    ByteReader other(bytes);
    std::vector<std::uint32_t> shorter(size - 1);
    other.get_sparse_ranges(std::span(shorter));
    EXPECT_FALSE(other.ok());
  }
}

}  // namespace
}  // namespace remapd
