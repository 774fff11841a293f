#include "core/fields/label_rule.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::fields {
namespace {

using testing::HasSubstr;

TEST(LabelRule, NumbersOfTheRangeAndBooleansAreLabels) {
  EXPECT_EQ(label_of_number(0), 0.0F);
  EXPECT_EQ(label_of_number(1), 1.0F);
  EXPECT_EQ(label_of_number(0.25), 0.25F);
  EXPECT_EQ(label_of_number(-0.0), 0.0F);
  for (const char* text : {"1", "1.0", " 1 ", "+1", "1e0", "true", "True", "TRUE"}) {
    EXPECT_EQ(label_of_text(text), 1.0F) << text;
  }
  for (const char* text : {"0", "0.0", "-0", "false", "False", "FALSE\r"}) {
    EXPECT_EQ(label_of_text(text), 0.0F) << text;
  }
  EXPECT_EQ(label_of_text("0.25"), 0.25F);
}

TEST(LabelRule, NothingIsNoLabel) {
  EXPECT_TRUE(std::isnan(label_of_number(std::nan("")).value()));
  EXPECT_TRUE(std::isnan(label_of_text("").value()));
  EXPECT_TRUE(std::isnan(label_of_text(" \t").value()));
}

TEST(LabelRule, AnythingElseIsRefused) {
  for (const double value : {-1.0, 2.0, 5.0, 1.0000001, -1e-9, HUGE_VAL, -HUGE_VAL}) {
    EXPECT_EQ(label_of_number(value), std::nullopt) << value;
  }
  for (const char* text : {"-1", "5", "1.5", "NaN", "nan", "inf", "yes", "click", "1x", "+-1"}) {
    EXPECT_EQ(label_of_text(text), std::nullopt) << text;
  }
  EXPECT_EQ(label_refusal("5"),
            "a label is a number from 0 to 1 or a boolean, not 5; label_true in [source.decode] "
            "says which values are 1");
}

TEST(WeightRule, FiniteNumbersOfZeroOrMoreAreWeights) {
  EXPECT_EQ(weight_of_number(0), 0.0F);
  EXPECT_EQ(weight_of_number(1e30), 1e30F);
  EXPECT_EQ(weight_of_text("2.5"), 2.5F);
  EXPECT_EQ(weight_of_text(""), 1.0F);
  EXPECT_EQ(weight_of_number(std::nan("")), 1.0F);
}

TEST(WeightRule, AnythingElseIsRefused) {
  for (const double value : {-3.0, -1e-30, HUGE_VAL, 1e39}) {
    EXPECT_EQ(weight_of_number(value), std::nullopt) << value;
  }
  for (const char* text : {"-3", "nan", "inf", "heavy", "1e400", "true"}) {
    EXPECT_EQ(weight_of_text(text), std::nullopt) << text;
  }
  EXPECT_THAT(weight_refusal("-3"), HasSubstr("of 0 or more, not -3"));
}

}  // namespace
}  // namespace remapd::fields
