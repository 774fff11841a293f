#include "core/base/bytes.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/random.h"
#include "core/base/types.h"

namespace remapd {
namespace {

TEST(Bytes, TextAndBytesAreTheSameMemory) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(as_bytes(text).size(), 3U);
  EXPECT_EQ(as_bytes(text)[2], std::byte{'b'});
  EXPECT_EQ(as_text(as_bytes(text)), text);
}

TEST(Bytes, WritesLittleEndian) {
  ByteWriter out;
  out.put<std::uint32_t>(0x04030201);
  out.put_string("hi");
  const std::vector<int> expected = {1, 2, 3, 4, 2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
  ASSERT_EQ(out.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(static_cast<int>(out.bytes()[i]), expected[i]) << i;
  }
}

TEST(Bytes, ReadsBackWhatWasWritten) {
  ByteWriter out;
  out.put<std::uint8_t>(7);
  out.align(8);
  EXPECT_EQ(out.size(), 8U);
  out.put(-1.5);
  out.put(Row{9});
  out.put_vector(std::vector<std::uint16_t>{1, 2, 3});
  out.put_vector(std::vector<double>{});
  out.put_string("");
  out.put_string("table");
  const std::vector<Id> ids = {5, 6};
  out.put_array(std::span<const Id>(ids));
  const Bytes bytes = std::move(out).take();

  ByteReader in(bytes);
  EXPECT_EQ(in.get<std::uint8_t>(), 7);
  in.align(8);
  EXPECT_EQ(in.position(), 8U);
  in.align(8);
  EXPECT_EQ(in.position(), 8U);
  EXPECT_EQ(in.get<double>(), -1.5);
  EXPECT_EQ(in.get<Row>(), Row{9});
  EXPECT_EQ(in.get_vector<std::uint16_t>(), (std::vector<std::uint16_t>{1, 2, 3}));
  EXPECT_TRUE(in.get_vector<double>().empty());
  EXPECT_EQ(in.get_string(), "");
  EXPECT_EQ(in.get_string(), "table");
  std::vector<Id> read(2);
  in.get_array(std::span<Id>(read));
  EXPECT_EQ(read, ids);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(Bytes, AShortReadFailsForGood) {
  ByteWriter out;
  out.put<std::uint32_t>(0xffffffff);
  const Bytes bytes = std::move(out).take();
  ByteReader in(bytes);
  EXPECT_EQ(in.get<std::uint64_t>(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.remaining(), 0U);
  EXPECT_EQ(in.get<std::uint8_t>(), 0U) << "bytes are left, but the reader has failed";
  std::uint8_t untouched = 3;
  in.get_array(std::span<std::uint8_t>(&untouched, 1));
  EXPECT_EQ(untouched, 3);
  EXPECT_TRUE(in.get_vector<int>().empty());
  EXPECT_EQ(in.get_string(), "");
  EXPECT_FALSE(in.ok());
}

TEST(Bytes, AlignmentPastTheEndFails) {
  const Bytes bytes(5);
  ByteReader in(bytes);
  in.get<std::uint8_t>();
  in.align(8);
  EXPECT_FALSE(in.ok());
}

// A length that the bytes cannot hold is refused before anything is allocated for it.
TEST(Bytes, HugeLengthsAreRefused) {
  for (const std::uint64_t count :
       {std::uint64_t{2}, std::uint64_t{1} << 40, std::uint64_t{1} << 61,
        (std::uint64_t{1} << 61) + 1, std::numeric_limits<std::uint64_t>::max()}) {
    ByteWriter out;
    out.put(count);
    out.put<std::uint64_t>(1);
    const Bytes bytes = std::move(out).take();
    ByteReader vectors(bytes);
    EXPECT_TRUE(vectors.get_vector<std::uint64_t>().empty());
    EXPECT_FALSE(vectors.ok()) << count;
    if (count <= 8) continue;
    ByteReader strings(bytes);
    EXPECT_EQ(strings.get_string(), "");
    EXPECT_FALSE(strings.ok()) << count;
  }
}

// Random reads of random bytes: never past the end, and once failed, failed.
TEST(Bytes, RandomReadsStayInside) {
  Random random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes(random.below(64));
    for (std::byte& b : bytes) {
      b = static_cast<std::byte>(random.below(4) == 0 ? random.next() : 0);
    }
    ByteReader in(bytes);
    bool failed = false;
    for (int step = 0; step < 12; ++step) {
      const std::size_t before = in.remaining();
      switch (random.below(6)) {
        case 0:
          in.get<std::uint8_t>();
          break;
        case 1:
          in.get<std::uint64_t>();
          break;
        case 2:
          EXPECT_LE(in.get_vector<std::uint32_t>().size() * 4, before);
          break;
        case 3:
          EXPECT_LE(in.get_string().size(), before);
          break;
        case 4:
          in.align(1 + random.below(16));
          break;
        default: {
          std::uint16_t two[2];
          in.get_array(std::span<std::uint16_t>(two));
        }
      }
      ASSERT_LE(in.position(), bytes.size());
      ASSERT_LE(in.remaining(), before);
      ASSERT_FALSE(failed && in.ok());
      failed = !in.ok();
    }
  }
}

TEST(ByteReader, ReadsSparseListsOfAnySize) {
  for (const std::size_t size : {0UL, 1UL, 1023UL, 1024UL, 1025UL, 5000UL}) {
    std::vector<std::uint32_t> values(size, 0);
    if (size > 0) values[size - 1] = 7;
    if (size > 3000) values[2000] = 9;
    ByteWriter out;
    out.put_sparse(std::span<const std::uint32_t>(values));
    EXPECT_LE(out.size(), 16 + 2 * (8 + 4 * kSparseBlock));
    std::vector<std::uint32_t> back(size, 0);
    ByteReader in(out.bytes());
    in.get_sparse(std::span<std::uint32_t>(back));
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(in.remaining(), 0U);
    EXPECT_EQ(back, values);
    std::vector<std::uint32_t> larger(size + 1, 0);
    ByteReader wrong(out.bytes());
    wrong.get_sparse(std::span<std::uint32_t>(larger));
    EXPECT_FALSE(wrong.ok());
  }
}

TEST(ByteReader, RefusesSparseListsWhoseBlocksDoNotAscend) {
  for (const std::uint64_t second : {0ULL, 1ULL, 2ULL, ~0ULL}) {
    ByteWriter out;
    out.put<std::uint64_t>(3 * kSparseBlock);
    out.put<std::uint64_t>(2);
    for (const std::uint64_t block : {std::uint64_t{1}, second}) {
      out.put(block);
      out.put_array(std::span<const std::uint8_t>(std::vector<std::uint8_t>(kSparseBlock, 1)));
    }
    std::vector<std::uint8_t> back(3 * kSparseBlock, 0);
    ByteReader in(out.bytes());
    in.get_sparse(std::span<std::uint8_t>(back));
    EXPECT_EQ(in.ok(), second == 2) << second;
  }
}

}  // namespace
}  // namespace remapd
