#include "evaluation/sample_stream.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "gtest/gtest.h"
#include "tests/unit/evaluation/planted_log.h"

namespace remapd::evaluation {
namespace {

constexpr FeatureIndex kUser{0};
constexpr FeatureIndex kItem{1};

TEST(SampleStream, GoesThroughTheEventsInOrder) {
  const EventLog log = make_log(labelled_log(50));
  SampleStream stream(log, std::nullopt);
  EXPECT_EQ(stream.samples(), 50u);
  for (std::size_t event = 0; event < 50; ++event) {
    ASSERT_TRUE(stream.next());
    EXPECT_EQ(stream.numbers(kUser).front(), log.numbers(kUser, event).front());
    EXPECT_EQ(stream.label(), log.label(event));
  }
  EXPECT_FALSE(stream.next());
}

// Every event has an item of its own, numbered by its place.
EventLog all_different(std::size_t events) {
  std::string text = "timestamp\tlabel\tuser\titem\n";
  for (std::size_t i = 0; i < events; ++i) text += fmt::format("{}\t0\t1\t{}\n", i, i);
  return make_log(text, {"user", "item"});
}

TEST(SampleStream, NegativesTakeTheirColumnFromTheLastEventsOnly) {
  constexpr std::size_t kEvents = kNegativeWindow + 5'000;
  const EventLog log = all_different(kEvents);
  SampleStream stream(log, Negatives{kItem, 3});
  EXPECT_EQ(stream.samples(), 2 * kEvents);
  std::size_t oldest = 0;
  for (std::size_t event = 0; event < kEvents; ++event) {
    ASSERT_TRUE(stream.next());
    EXPECT_EQ(stream.label(), 1) << "an event counts as positive";
    ASSERT_EQ(stream.numbers(kItem).front(), event);
    ASSERT_TRUE(stream.next());
    EXPECT_EQ(stream.label(), 0);
    const std::size_t from = stream.numbers(kItem).front();
    ASSERT_LE(from, event) << "nothing from the future";
    ASSERT_LT(event - from, kNegativeWindow);
    oldest = std::max(oldest, event - from);
    EXPECT_EQ(stream.numbers(kUser).front(), 0u);
  }
  EXPECT_FALSE(stream.next());
  EXPECT_GT(oldest, kNegativeWindow * 9 / 10);
}

TEST(SampleStream, TheSeedDecidesTheNegatives) {
  const EventLog log = all_different(200);
  const auto items = [&](std::uint64_t seed) {
    SampleStream stream(log, Negatives{kItem, seed});
    std::vector<std::uint32_t> out;
    while (stream.next()) out.push_back(stream.numbers(kItem).front());
    return out;
  };
  EXPECT_EQ(items(1), items(1));
  EXPECT_NE(items(1), items(2));
}

}  // namespace
}  // namespace remapd::evaluation
