#include "core/fields/text.h"

#include <string>

#include <gtest/gtest.h>

namespace remapd::fields {
namespace {

TEST(Text, BlanksAroundItAreCutOff) {
  EXPECT_EQ(without_blanks(" \t\r\na b\n "), "a b");
  EXPECT_EQ(without_blanks(" \t\r\n"), "");
  EXPECT_EQ(without_blanks("\v x"), "\v x");
}

TEST(Text, NumbersAreWholeTextsAndFinite) {
  EXPECT_EQ(number_of_text(" +1.5e3 "), 1500.0);
  EXPECT_EQ(integer_of_text("-42"), -42);
  for (const char* text : {"", "1 2", "1x", "+-1", "++1", "nan", "inf", "1e999", "0x1"}) {
    EXPECT_EQ(number_of_text(text), std::nullopt) << text;
  }
  for (const char* text : {"1.0", "9223372036854775808", "+"}) {
    EXPECT_EQ(integer_of_text(text), std::nullopt) << text;
  }
}

TEST(Text, AnExcerptEndsBetweenCharacters) {
  EXPECT_EQ(excerpt("short"), "short");
  EXPECT_EQ(excerpt(std::string(100, 'x')), std::string(64, 'x'));
  const std::string cut = std::string(63, 'x') + "\xc3\xa9\xc3\xa9";
  EXPECT_EQ(excerpt(cut), std::string(63, 'x'));
}

}  // namespace
}  // namespace remapd::fields
