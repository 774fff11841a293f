#include "core/fields/id_rule.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"

namespace remapd::fields {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

// docs/formats.md has these values; producers and trainers rely on them.
TEST(IdRule, ValuesArePinned) {
  EXPECT_EQ(id_of_text("B00X"), 0x37eb6ef331033402ULL);
  EXPECT_EQ(id_of_text("B00X"), 4029436282391442434ULL);
  EXPECT_EQ(id_of_text("caf\xc3\xa9"), hash_text("caf\xc3\xa9"));
  EXPECT_EQ(id_of_text("-7286425919675154353"), 11160318154034397263ULL);
  EXPECT_EQ(id_of_text("9007199254740993"), 9007199254740993ULL);
}

TEST(IdRule, AnIntegerIsItsBitsHoweverItIsWritten) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t bits = random() >> (random() % 64);
    const auto negative = static_cast<std::int64_t>(bits);
    ASSERT_EQ(id_of_integer(negative), bits);
    for (const std::string& text : {std::to_string(bits), std::to_string(negative)}) {
      ASSERT_EQ(id_of_text(text), bits) << text;
      ASSERT_EQ(id_of_number(text), bits) << text;
      ASSERT_EQ(id_of_text(text + ".0"), bits) << text;
      ASSERT_EQ(id_of_number(text + ".00"), bits) << text;
      ASSERT_EQ(id_of_text(" " + text + "\r"), bits) << text;
    }
  }
  EXPECT_EQ(id_of_text("18446744073709551615"), kLargest);
  EXPECT_EQ(id_of_text("-9223372036854775808"), 1ULL << 63);
  EXPECT_EQ(id_of_number("-1"), kLargest);
  EXPECT_EQ(id_of_number("-0"), 0U);
  EXPECT_EQ(id_of_number("-0.0"), 0U);
}

TEST(IdRule, SignAndZerosMakeNoDifference) {
  for (const char* text : {"7", "007", "+7", "+007", "7.0", "7.000", " 7", "7\t", "\n7 "}) {
    EXPECT_EQ(id_of_text(text), 7U) << text;
  }
  EXPECT_EQ(id_of_text("0000000000000000000000000000000000000007"), 7U);
}

TEST(IdRule, OtherTextIsHashedWithoutTheBlanksAroundIt) {
  for (const char* text : {"B00X",
                           "1e5",
                           "123.5",
                           "7.",
                           ".5",
                           "1.0.0",
                           "--7",
                           "+-7",
                           "-",
                           "+",
                           ".",
                           "0x10",
                           "7 7",
                           "NaN",
                           "NULL",
                           "true",
                           "18446744073709551616",
                           "-9223372036854775809",
                           "184467440737095516150",
                           "\xd9\xa7"}) {
    EXPECT_EQ(id_of_text(text), hash_text(text)) << text;
    EXPECT_EQ(id_of_text("  " + std::string(text) + "\n"), hash_text(text)) << text;
  }
}

TEST(IdRule, NothingIsNoId) {
  for (const char* text : {"", " ", "\t \r\n"}) EXPECT_EQ(id_of_text(text), std::nullopt);
}

TEST(IdRule, AWholeDoubleIsTheInteger) {
  EXPECT_EQ(id_of_double(123.0), 123U);
  EXPECT_EQ(id_of_double(-1.0), kLargest);
  EXPECT_EQ(id_of_double(-0.0), 0U);
  EXPECT_EQ(id_of_double(9007199254740992.0), 9007199254740992ULL);
  EXPECT_EQ(id_of_number("1e5"), 100'000U);
  EXPECT_EQ(id_of_number("1.5E1"), 15U);
}

TEST(IdRule, NumbersThatAreNoIdAreRefused) {
  for (const double value : {123.5, std::nan(""), HUGE_VAL, -HUGE_VAL, 9007199254740994.0, 1e19}) {
    EXPECT_EQ(id_of_double(value), std::nullopt) << value;
  }
  for (const char* literal : {"123.5", "18446744073709551616", "-9223372036854775809", "1e-3",
                              "1e19", "1e400", "-1e400", "1.8446744073709552e19"}) {
    EXPECT_EQ(id_of_number(literal), std::nullopt) << literal;
  }
  EXPECT_THAT(id_refusal("18446744073709551616"), HasSubstr("not 18446744073709551616"));
  EXPECT_LT(id_refusal(std::string(10'000, '9')).size(), 200U);
}

}  // namespace
}  // namespace remapd::fields
