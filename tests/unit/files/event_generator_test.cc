#include "connectors/files/event_generator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remapd::files {
namespace {

using pipeline::EventBatch;
using testing::HasSubstr;

constexpr FeatureIndex kUser{0};
constexpr FeatureIndex kItem{1};
constexpr FeatureIndex kCategory{2};

EventGenerator generator_of(const GeneratorConfig& config) {
  auto generator = EventGenerator::create(config);
  EXPECT_TRUE(generator) << generator.error().message;
  return std::move(*generator);
}

// Small enough for a test to see every id many times; category = community.
GeneratorConfig small_config() {
  GeneratorConfig config;
  config.users = 2'000;
  config.items = 1'000;
  config.communities = 20;
  config.categories = 20;
  config.drift_samples = 0;
  config.new_item_rate = 0;
  return config;
}

struct Event {
  Id user, item, category;
  float label;
};

std::vector<Event> events_of(EventGenerator& generator, std::size_t count) {
  std::vector<Event> events;
  EventBatch batch;
  while (events.size() < count) {
    generator.next(batch);
    for (std::size_t i = 0; i < batch.samples() && events.size() < count; ++i) {
      events.push_back({batch.values(kUser)[i], batch.values(kItem)[i], batch.values(kCategory)[i],
                        batch.labels()[i]});
    }
  }
  return events;
}

std::vector<Id> most_frequent_items(const std::vector<Event>& events, std::size_t count) {
  std::unordered_map<Id, int> counts;
  for (const Event& e : events) ++counts[e.item];
  std::vector<std::pair<int, Id>> order;
  for (const auto& [id, n] : counts) order.emplace_back(-n, id);
  std::sort(order.begin(), order.end());
  std::vector<Id> ids;
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) ids.push_back(order[i].second);
  return ids;
}

std::size_t common(const std::vector<Id>& a, const std::vector<Id>& b) {
  const std::set<Id> in_a(a.begin(), a.end());
  return static_cast<std::size_t>(
      std::count_if(b.begin(), b.end(), [&](Id id) { return in_a.contains(id); }));
}

TEST(EventGenerator, FillsBatchesOfOneIdPerFeature) {
  GeneratorConfig config = small_config();
  config.samples_per_message = 100;
  config.start_ms = 1'000'000;
  config.samples_per_second = 10;
  EventGenerator generator = generator_of(config);
  ASSERT_EQ(generator.schema().size(), 3U);
  EXPECT_EQ(generator.schema().feature(kUser).name, "user");
  EXPECT_EQ(generator.schema().feature(kItem).name, "item");
  EXPECT_EQ(generator.schema().feature(kCategory).name, "category");
  EventBatch batch;
  for (int message = 0; message < 3; ++message) {
    generator.next(batch);
    EXPECT_EQ(batch.samples(), 100U);
    EXPECT_EQ(batch.position.offset, message);
    EXPECT_EQ(batch.position.next_offset, message + 1);
    EXPECT_EQ(batch.event_time_ms, 1'000'000 + 100 * (100 * message + 99));
    for (const FeatureIndex f : {kUser, kItem, kCategory}) {
      EXPECT_EQ(batch.values(f).size(), 100U);
      EXPECT_TRUE(std::all_of(batch.lengths(f).begin(), batch.lengths(f).end(),
                              [](std::uint32_t n) { return n == 1; }));
    }
    EXPECT_TRUE(std::all_of(batch.labels().begin(), batch.labels().end(),
                            [](float label) { return label == 0 || label == 1; }));
  }
  EXPECT_EQ(generator.samples(), 300U);
}

TEST(EventGenerator, IsReproducibleBySeedWhateverTheBatchSize) {
  GeneratorConfig config;
  config.samples_per_message = 64;
  EventGenerator a = generator_of(config);
  config.samples_per_message = 1'000;
  EventGenerator b = generator_of(config);
  config.seed = 2;
  EventGenerator c = generator_of(config);
  const auto from_a = events_of(a, 5'000);
  const auto from_b = events_of(b, 5'000);
  const auto from_c = events_of(c, 5'000);
  std::unordered_set<Id> users_of_a;
  std::size_t shared = 0;
  for (std::size_t i = 0; i < from_a.size(); ++i) {
    ASSERT_EQ(from_a[i].user, from_b[i].user);
    ASSERT_EQ(from_a[i].item, from_b[i].item);
    ASSERT_EQ(from_a[i].category, from_b[i].category);
    ASSERT_EQ(from_a[i].label, from_b[i].label);
    users_of_a.insert(from_a[i].user);
  }
  for (const Event& e : from_c) shared += users_of_a.contains(e.user) ? 1 : 0;
  EXPECT_EQ(shared, 0U) << "another seed, other ids";
}

TEST(EventGenerator, UsesTheWholeCatalogueAndAllBitsOfIds) {
  EventGenerator generator = generator_of(small_config());
  std::unordered_set<Id> users, items, categories;
  Id ones = 0;
  Id zeros = 0;
  for (const Event& e : events_of(generator, 300'000)) {
    users.insert(e.user);
    items.insert(e.item);
    categories.insert(e.category);
    ones |= e.item;
    zeros |= ~e.item;
  }
  EXPECT_LE(users.size(), 2'000U);
  EXPECT_GT(users.size(), 1'990U);
  EXPECT_EQ(items.size(), 1'000U);
  EXPECT_EQ(categories.size(), 20U);
  EXPECT_EQ(ones & zeros, ~Id{0});
}

TEST(EventGenerator, PopularityFollowsZipf) {
  GeneratorConfig config = small_config();
  config.item_zipf = 1.2;
  EventGenerator generator = generator_of(config);
  const auto events = events_of(generator, 200'000);
  const auto head = most_frequent_items(events, 100);
  const std::set<Id> in_head(head.begin(), head.end());
  const auto hits = std::count_if(events.begin(), events.end(),
                                  [&](const Event& e) { return in_head.contains(e.item); });
  EXPECT_GT(hits, 120'000) << "a tenth of the items draws most accesses";
  EXPECT_LT(hits, 190'000);
}

TEST(EventGenerator, UsersStayMostlyInTheirCommunity) {
  GeneratorConfig config = small_config();
  config.in_community = 0.8;
  EventGenerator generator = generator_of(config);
  std::unordered_map<Id, Id> category_of_item;
  std::unordered_map<Id, std::map<Id, int>> categories_of_user;
  const auto events = events_of(generator, 200'000);
  for (const Event& e : events) {
    const auto [at, fresh] = category_of_item.emplace(e.item, e.category);
    ASSERT_EQ(at->second, e.category) << "the category is a function of the item";
    ++categories_of_user[e.user][e.category];
  }
  double home = 0;
  double all = 0;
  for (const auto& [user, counts] : categories_of_user) {
    int most = 0;
    for (const auto& [category, n] : counts) {
      most = std::max(most, n);
      all += n;
    }
    home += most;
  }
  EXPECT_NEAR(home / all, 0.8, 0.05);
}

TEST(EventGenerator, LabelsHaveTheBaseRate) {
  for (const double rate : {0.05, 0.3, 0.7}) {
    GeneratorConfig config = small_config();
    config.base_rate = rate;
    EventGenerator generator = generator_of(config);
    double sum = 0;
    const auto events = events_of(generator, 200'000);
    for (const Event& e : events) sum += e.label;
    EXPECT_NEAR(sum / static_cast<double>(events.size()), rate, 0.02 + 0.05 * rate);
  }
}

// Share of the variance of labels that lies between groups, corrected for chance.
double explained(const std::vector<Event>& events, Id Event::*group) {
  std::unordered_map<Id, std::pair<double, double>> sums;  // labels, count
  double labels = 0;
  for (const Event& e : events) {
    auto& [sum, count] = sums[e.*group];
    sum += e.label;
    count += 1;
    labels += e.label;
  }
  const auto n = static_cast<double>(events.size());
  const double mean = labels / n;
  const double total = n * mean * (1 - mean);
  double between = 0;
  for (const auto& [id, s] : sums) {
    between += s.second * (s.first / s.second - mean) * (s.first / s.second - mean);
  }
  const auto groups = static_cast<double>(sums.size());
  return (between - (groups - 1) * mean * (1 - mean)) / total;
}

TEST(EventGenerator, LabelsCanBeLearnedFromCommunitiesAndMoreFromItems) {
  EventGenerator generator = generator_of(small_config());
  const auto events = events_of(generator, 300'000);
  const double by_community = explained(events, &Event::category);
  const double by_item = explained(events, &Event::item);
  EXPECT_GT(by_community, 0.02);
  EXPECT_GT(by_item, 1.2 * by_community);

  GeneratorConfig blind = small_config();
  blind.signal = 0;
  EventGenerator coin = generator_of(blind);
  EXPECT_LT(std::abs(explained(events_of(coin, 300'000), &Event::item)), 0.002);
}

TEST(EventGenerator, PopularityDriftsOnlyWhenAsked) {
  for (const std::uint64_t drift : {0UL, 5'000UL}) {
    GeneratorConfig config = small_config();
    config.drift_samples = drift;
    EventGenerator generator = generator_of(config);
    const auto early = most_frequent_items(events_of(generator, 50'000), 50);
    events_of(generator, 300'000);
    const auto late = most_frequent_items(events_of(generator, 50'000), 50);
    if (drift == 0) {
      EXPECT_GT(common(early, late), 40U);
    } else {
      EXPECT_LT(common(early, late), 15U);
    }
  }
}

TEST(EventGenerator, BrandNewItemsComeAtTheirRateAndStay) {
  GeneratorConfig config = small_config();
  config.new_item_rate = 0.01;
  EventGenerator generator = generator_of(config);
  std::unordered_set<Id> before;
  for (const Event& e : events_of(generator, 100'000)) before.insert(e.item);
  const std::uint64_t introduced = generator.new_items();
  EXPECT_NEAR(static_cast<double>(introduced), 1'000, 200);
  EXPECT_GT(before.size(), 1'500U);
  EXPECT_LE(before.size(), 1'000U + introduced);

  std::unordered_map<Id, int> fresh;
  for (const Event& e : events_of(generator, 100'000)) {
    if (!before.contains(e.item)) ++fresh[e.item];
  }
  const auto again =
      std::count_if(fresh.begin(), fresh.end(), [](const auto& entry) { return entry.second > 5; });
  EXPECT_GT(again, 100) << "new items go on being accessed";
}

TEST(EventGenerator, TinyCataloguesWork) {
  GeneratorConfig config;
  config.users = 3;
  config.items = 2;
  config.communities = 2;
  config.categories = 1;
  config.drift_samples = 1;
  config.new_item_rate = 1;
  EventGenerator generator = generator_of(config);
  std::unordered_set<Id> items;
  for (const Event& e : events_of(generator, 1'000)) items.insert(e.item);
  EXPECT_EQ(items.size(), 1'000U);
}

TEST(EventGenerator, NamesTheSettingThatIsOutOfBounds) {
  const auto expect_refused = [](const char* name, auto change) {
    GeneratorConfig config;
    change(config);
    const auto refused = EventGenerator::create(config);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
    EXPECT_THAT(refused.error().message, HasSubstr(std::string(name) + " is "));
  };
  expect_refused("samples_per_message", [](auto& c) { c.samples_per_message = 0; });
  expect_refused("communities", [](auto& c) { c.communities = 0; });
  expect_refused("users", [](auto& c) { c.users = c.communities - 1; });
  expect_refused("items", [](auto& c) { c.items = c.communities - 1; });
  expect_refused("categories", [](auto& c) { c.categories = c.communities + 1; });
  expect_refused("user_zipf", [](auto& c) { c.user_zipf = -0.1; });
  expect_refused("in_community", [](auto& c) { c.in_community = 1.1; });
  expect_refused("new_item_rate",
                 [](auto& c) { c.new_item_rate = std::numeric_limits<double>::quiet_NaN(); });
  expect_refused("base_rate", [](auto& c) { c.base_rate = 1; });
  expect_refused("signal", [](auto& c) { c.signal = -1; });
  expect_refused("samples_per_second", [](auto& c) { c.samples_per_second = 0; });
  expect_refused("start_ms", [](auto& c) { c.start_ms = -1; });
}

}  // namespace
}  // namespace remapd::files
