#include "daemon/config/key.h"

#include <gtest/gtest.h>

namespace remapd::config {
namespace {

using namespace std::chrono_literals;

struct Owner {
  std::uint32_t count = 7;
  double share = 0.25;
  double auto_share = -1;
  std::optional<bool> flag;
  std::string name = "x";
  std::chrono::milliseconds wait = 10s;
  std::uint64_t bytes = 1024;
  int colour = 0;
};

// The error of reading `literal`, or "" with the value in `owner`.
std::string read(const Key<Owner>& key, const std::string& literal, Owner& owner) {
  const toml::table table = toml::parse("v = " + literal);
  auto result = key.read(*table.get("v"), owner);
  return result ? "" : result.error().message;
}

TEST(IntegerKey, TakesWholeNumbersInBounds) {
  const auto key = integer<Owner>(
      {"count", "ids", "How many."}, [](auto& o) -> auto& { return o.count; }, 1, 100);
  Owner owner;
  EXPECT_EQ(key.write(owner), "7");
  EXPECT_EQ(read(key, "100", owner), "");
  EXPECT_EQ(owner.count, 100U);
  EXPECT_EQ(key.info.bounds, "1 to 100");
  EXPECT_EQ(read(key, "101", owner), "is 101, must be 1 to 100");
  EXPECT_EQ(read(key, "0", owner), "is 0, must be 1 to 100");
  EXPECT_EQ(read(key, "-1", owner), "is -1, must be 1 to 100");
  EXPECT_EQ(read(key, "1.0", owner), "must be a whole number, not the number 1.0");
  EXPECT_EQ(read(key, "\"5\"", owner), "must be a whole number, not the string \"5\"");
  EXPECT_EQ(owner.count, 100U);
}

TEST(NumberKey, TakesWholeNumbersTooAndRefusesNan) {
  const auto key = number<Owner>(
      {"share", "", ""}, [](auto& o) -> auto& { return o.share; }, 0, 1);
  Owner owner;
  EXPECT_EQ(key.write(owner), "0.25");
  EXPECT_EQ(read(key, "1", owner), "");
  EXPECT_EQ(owner.share, 1.0);
  EXPECT_EQ(key.write(owner), "1.0");
  EXPECT_EQ(read(key, "1.5", owner), "is 1.5, must be 0.0 to 1.0");
  EXPECT_EQ(read(key, "nan", owner), "is nan, must be 0.0 to 1.0");
  EXPECT_EQ(read(key, "true", owner), "must be a number, not true");
}

TEST(NumberOrWordKey, TakesTheWord) {
  const auto key = number_or_word<Owner>(
      {"auto_share", "", ""}, [](auto& o) -> auto& { return o.auto_share; }, 0, 0.9, "auto", -1);
  Owner owner;
  EXPECT_EQ(key.write(owner), "\"auto\"");
  EXPECT_EQ(read(key, "0.5", owner), "");
  EXPECT_EQ(key.write(owner), "0.5");
  EXPECT_EQ(read(key, "\"auto\"", owner), "");
  EXPECT_EQ(owner.auto_share, -1);
  EXPECT_EQ(read(key, "-1.0", owner), "is -1.0, must be 0.0 to 0.9, or \"auto\"");
  EXPECT_EQ(read(key, "\"automatic\"", owner),
            "must be a number or \"auto\", not the string \"automatic\"");
}

TEST(BooleanOrAutoKey, HasThreeValues) {
  const auto key = boolean_or_auto<Owner>(
      {"flag", "", ""}, [](auto& o) -> auto& { return o.flag; });
  Owner owner;
  EXPECT_EQ(key.write(owner), "\"auto\"");
  EXPECT_EQ(read(key, "true", owner), "");
  EXPECT_EQ(owner.flag, true);
  EXPECT_EQ(key.write(owner), "true");
  EXPECT_EQ(read(key, "false", owner), "");
  EXPECT_EQ(key.write(owner), "false");
  EXPECT_EQ(read(key, "\"auto\"", owner), "");
  EXPECT_EQ(owner.flag, std::nullopt);
  EXPECT_EQ(read(key, "1", owner), "must be true, false or \"auto\", not the number 1");
}

TEST(TextKey, MayRefuseTheEmptyString) {
  const auto member = [](auto& o) -> auto& {
    return o.name;
  };
  Owner owner;
  EXPECT_EQ(read(text<Owner>({"name", "", ""}, member), "\"\"", owner), "is empty, must not be");
  EXPECT_EQ(read(text<Owner>({"name", "", ""}, member, Empty::kAllowed), "\"\"", owner), "");
  EXPECT_EQ(owner.name, "");
  EXPECT_EQ(read(text<Owner>({"name", "", ""}, member), "[]", owner),
            "must be a string, not an array");
}

TEST(DurationKey, NeedsAUnit) {
  const auto key = duration<Owner>(
      {"wait", "", ""}, [](auto& o) -> auto& { return o.wait; }, 1s, 1min);
  Owner owner;
  EXPECT_EQ(key.write(owner), "\"10s\"");
  EXPECT_EQ(read(key, "\"60s\"", owner), "");
  EXPECT_EQ(owner.wait, 1min);
  EXPECT_EQ(read(key, "\"61s\"", owner), "is \"61s\", must be \"1s\" to \"1m\"");
  EXPECT_EQ(read(key, "10", owner),
            "must be a duration such as \"500ms\", \"10s\", \"5m\" or \"1h\", not the number 10");
}

TEST(SizeKey, NeedsAUnit) {
  const auto key = size<Owner>(
      {"bytes", "", ""}, [](auto& o) -> auto& { return o.bytes; }, 1024, 1U << 20);
  Owner owner;
  EXPECT_EQ(read(key, "\"64KiB\"", owner), "");
  EXPECT_EQ(owner.bytes, 65'536U);
  EXPECT_EQ(key.write(owner), "\"64KiB\"");
  EXPECT_EQ(read(key, "\"2MiB\"", owner), "is \"2MiB\", must be \"1KiB\" to \"1MiB\"");
}

TEST(ChoiceKey, SuggestsTheNearest) {
  const auto key = choice<Owner, int>({"colour", "", ""}, [](auto& o) -> auto& { return o.colour; },
                                      {{0, "red"}, {1, "green"}, {2, "blue"}});
  Owner owner;
  EXPECT_EQ(read(key, "\"green\"", owner), "");
  EXPECT_EQ(owner.colour, 1);
  EXPECT_EQ(key.write(owner), "\"green\"");
  EXPECT_EQ(read(key, "\"gren\"", owner),
            "is \"gren\", must be \"red\", \"green\" or \"blue\"; did you mean \"green\"?");
  EXPECT_EQ(read(key, "3", owner),
            "must be one of \"red\" | \"green\" | \"blue\", not the number 3");
}

TEST(StringLiteral, ReadsBackTheSame) {
  const std::string text = "a\"b\\c\td\ne\x01\x7f\xc3\xa9";
  const toml::table table = toml::parse("v = " + string_literal(text));
  EXPECT_EQ(table["v"].value<std::string>(), text);
}

TEST(NumberLiteral, ReadsBackAsTheSameFloat) {
  for (const double value : {0.0, 1.0, 0.1, 1e18, 1.5e-9, 123456789.25}) {
    const toml::table table = toml::parse("v = " + number_literal(value));
    ASSERT_TRUE(table.get("v")->is_floating_point()) << number_literal(value);
    EXPECT_EQ(table["v"].value<double>(), value);
  }
}

}  // namespace
}  // namespace remapd::config
