#include "connectors/files/event_generator.h"

#include <cmath>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/hash.h"

namespace remapd::files {
namespace {

// One stream of hash values for each purpose, so that no two quantities are related by accident.
enum Purpose : std::uint64_t {
  kUserIds = 1,
  kItemIds,
  kCategoryIds,
  kUserCharacter,
  kItemCharacter,
  kUserCommunityCharacter,
  kItemCommunityCharacter,
};

// How much of a user's or an item's character is its community's, in variance.
constexpr double kCommunityShare = 0.7;
constexpr std::size_t kCalibrationSamples = 20'000;

std::uint64_t keyed(std::uint64_t value, std::uint64_t seed, std::uint64_t purpose) {
  return hash_id(value, hash_id(purpose, seed));
}

// Zero mean, unit variance, nearly normal: the sum of four uniform variables, cut from one hash.
float hash_normal(std::uint64_t hash) {
  const auto sum = static_cast<double>((hash & 0xffff) + (hash >> 16 & 0xffff) +
                                       (hash >> 32 & 0xffff) + (hash >> 48));
  constexpr double kMean = 2 * 65535.0;
  constexpr double kDeviation = 65536.0 / 1.7320508075688772;  // sqrt(4 / 12)
  return static_cast<float>((sum - kMean) / kDeviation);
}

double sigmoid(double logit) {
  return 1 / (1 + std::exp(-logit));
}

// Members are dealt to communities in turn: community c holds c, c + C, c + 2 C, ...
std::uint32_t members(std::uint32_t all, std::uint32_t communities, std::uint32_t community) {
  return (all - community + communities - 1) / communities;
}

// Which of n has this rank after `shift` steps of drift: its rank grows by one a step.
std::uint32_t drifted(std::uint32_t rank, std::uint64_t shift, std::uint32_t n) {
  const auto back = static_cast<std::uint32_t>(shift % n);
  const std::uint32_t folded = rank < n ? rank : 0;  // communities differ by one in size
  return folded >= back ? folded - back : folded + n - back;
}

template <class T>
Result<void> bounded(std::string_view name, T value, T least, T most) {
  if (value >= least && value <= most) return {};  // false for NaN
  return fail(ErrorCode::kConfig,
              fmt::format("{} is {}; it must be from {} to {}", name, value, least, most));
}

}  // namespace

Result<void> GeneratorConfig::validate() const {
  constexpr std::uint32_t kMost = 0xfffffffeU;
  constexpr double kHuge = 1e6;
  for (auto checked : {
           bounded("samples_per_message", samples_per_message, 1U, 1U << 20),
           bounded("communities", communities, 1U, 65'536U),
           bounded("users", users, communities, kMost), bounded("items", items, communities, kMost),
           bounded("categories", categories, 1U, communities),
           bounded("community_zipf", community_zipf, 0.0, 4.0),
           bounded("user_zipf", user_zipf, 0.0, 4.0), bounded("item_zipf", item_zipf, 0.0, 4.0),
           bounded("in_community", in_community, 0.0, 1.0),
           bounded("new_item_rate", new_item_rate, 0.0, 1.0),
           bounded("base_rate", base_rate, 0.001, 0.999), bounded("signal", signal, 0.0, kHuge),
           bounded("label_noise", label_noise, 0.0, kHuge),
           bounded("samples_per_second", samples_per_second, 0.001, 1e9),
           bounded<std::int64_t>("start_ms", start_ms, 0, 4'102'444'800'000),  // the year 2100
       }) {
    if (!checked) return checked;
  }
  return {};
}

Result<EventGenerator> EventGenerator::create(const GeneratorConfig& config) {
  if (auto valid = config.validate(); !valid) return fail(valid.error());
  return EventGenerator(config);
}

EventGenerator::EventGenerator(const GeneratorConfig& config)
    : config_(config),
      schema_({{"user", TableIndex{0}}, {"item", TableIndex{1}}, {"category", TableIndex{2}}}),
      random_(config_.seed),
      community_ranks_(AliasTable::zipf(config_.communities, config_.community_zipf)),
      user_ranks_(
          AliasTable::zipf(members(config_.users, config_.communities, 0), config_.user_zipf)),
      item_ranks_(
          AliasTable::zipf(members(config_.items, config_.communities, 0), config_.item_zipf)),
      generation_(config_.items, 0) {
  const auto character = [&](std::uint64_t community, Purpose purpose) {
    Character made;
    made.bias = hash_normal(keyed(community << 8, config_.seed, purpose));
    for (std::size_t k = 0; k < kFactors; ++k) {
      made.factors[k] = hash_normal(keyed(community << 8 | (k + 1), config_.seed, purpose));
    }
    return made;
  };
  for (std::uint32_t c = 0; c < config_.communities; ++c) {
    user_communities_.push_back(character(c, kUserCommunityCharacter));
    item_communities_.push_back(character(c, kItemCommunityCharacter));
    category_ids_.push_back(keyed(c % config_.categories, config_.seed, kCategoryIds));
  }
  calibrate();
}

EventGenerator::Sample EventGenerator::draw(Random& random) const {
  const std::uint32_t communities = config_.communities;
  const std::uint64_t shift = config_.drift_samples > 0 ? samples_ / config_.drift_samples : 0;
  const auto draw_community = [&] {
    return drifted(community_ranks_.draw(random), shift, communities);
  };
  Sample sample;
  sample.user_community = draw_community();
  // Users do not drift: whoever is busy stays so.
  sample.user = sample.user_community +
                communities * drifted(user_ranks_.draw(random), 0,
                                      members(config_.users, communities, sample.user_community));
  sample.item_community =
      random.uniform() < config_.in_community ? sample.user_community : draw_community();
  sample.item = sample.item_community +
                communities * drifted(item_ranks_.draw(random), shift,
                                      members(config_.items, communities, sample.item_community));
  return sample;
}

Id EventGenerator::user_id(std::uint32_t user) const {
  return keyed(user, config_.seed, kUserIds);
}

Id EventGenerator::item_id(std::uint32_t slot) const {
  return keyed(std::uint64_t{generation_[slot]} << 32 | slot, config_.seed, kItemIds);
}

double EventGenerator::score(const Sample& sample, Id user, Id item) const {
  static const double community_part = std::sqrt(kCommunityShare);
  static const double own_part = std::sqrt(1 - kCommunityShare);
  const Character& user_community = user_communities_[sample.user_community];
  const Character& item_community = item_communities_[sample.item_community];
  const auto mixed = [](float community, std::uint64_t own_hash) {
    return community_part * community + own_part * hash_normal(own_hash);
  };
  const std::uint64_t user_key = keyed(user, config_.seed, kUserCharacter);
  const std::uint64_t item_key = keyed(item, config_.seed, kItemCharacter);
  double affinity = 0;
  for (std::size_t k = 0; k < kFactors; ++k) {
    affinity += mixed(user_community.factors[k], mix64(user_key + k + 1)) *
                mixed(item_community.factors[k], mix64(item_key + k + 1));
  }
  affinity /= std::sqrt(static_cast<double>(kFactors));  // unit variance again
  const double user_bias = mixed(user_community.bias, user_key);
  const double quality = mixed(item_community.bias, item_key);
  return config_.signal * (0.5 * user_bias + quality + affinity);
}

// Finds the intercept at which the mean label is the base rate; the mean grows with the intercept.
void EventGenerator::calibrate() {
  Random random(keyed(0, config_.seed, 0));
  std::vector<double> scores(kCalibrationSamples);
  for (double& s : scores) {
    const Sample sample = draw(random);
    s = score(sample, user_id(sample.user), item_id(sample.item)) +
        config_.label_noise * hash_normal(random.next());
  }
  double low = -1e8;
  double high = 1e8;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    double sum = 0;
    for (const double s : scores) sum += sigmoid(s + middle);
    (sum < config_.base_rate * static_cast<double>(scores.size()) ? low : high) = middle;
  }
  intercept_ = (low + high) / 2;
}

void EventGenerator::next(pipeline::EventBatch& into) {
  into.reset(schema_.size());
  const std::size_t count = config_.samples_per_message;
  auto& users = into.mutable_values(FeatureIndex{0});
  auto& items = into.mutable_values(FeatureIndex{1});
  auto& categories = into.mutable_values(FeatureIndex{2});
  for (auto* ids : {&users, &items, &categories}) ids->resize(count);
  into.mutable_labels().resize(count);
  for (std::uint32_t f = 0; f < schema_.size(); ++f) {
    into.mutable_lengths(FeatureIndex{f}).assign(count, 1);
  }
  for (std::size_t i = 0; i < count; ++i, ++samples_) {
    Sample sample = draw(random_);
    if (random_.uniform() < config_.new_item_rate) {
      const std::uint32_t slots =
          members(config_.items, config_.communities, sample.item_community);
      sample.item = sample.item_community +
                    config_.communities * static_cast<std::uint32_t>(random_.below(slots));
      ++generation_[sample.item];
      ++new_items_;
    }
    users[i] = user_id(sample.user);
    items[i] = item_id(sample.item);
    categories[i] = category_ids_[sample.item_community];
    const double logit = intercept_ + score(sample, users[i], items[i]) +
                         config_.label_noise * hash_normal(random_.next());
    into.mutable_labels()[i] = random_.uniform() < sigmoid(logit) ? 1.0F : 0.0F;
  }
  into.seal(count);
  const double seconds = static_cast<double>(samples_ - 1) / config_.samples_per_second;
  into.event_time_ms = config_.start_ms + static_cast<std::int64_t>(seconds * 1000);
  into.position = {.partition = 0,
                   .offset = static_cast<std::int64_t>(messages_),
                   .next_offset = static_cast<std::int64_t>(messages_ + 1)};
  ++messages_;
}

}  // namespace remapd::files
