// EventGenerator: synthetic access events in which ids of a community behave alike, for trying
// remapd out and for load tests.
//
// Features user, item, category; one id each; a label per sample.
//   * Users and items belong to communities. A sample picks a community (Zipf), one of its users
//     (Zipf), and an item (Zipf) of the same community or, with probability 1 - in_community, of
//     another one. The category is a function of the item's community.
//   * Drift: every drift_samples samples each order of popularity rotates by one place: the last
//     becomes the first. With probability new_item_rate a sample is the first of a brand-new item,
//     which replaces a random one.
//   * Labels come from a hidden factorisation machine: the logit is an intercept (set so that the
//     mean label is base_rate) + signal * (user bias + item quality + <user vector, item vector>) +
//     label_noise * normal. Vectors and quality are mostly the community's, partly the id's own.
//   * Ids are hashed, all 64 bits used, disjoint between features.
//
// The same config gives the same samples on one platform. Not thread safe. Memory: 4 bytes an item
// and 16 bytes for each rank of the distributions; about 0.2 us a sample.
#pragma once

#include <cstdint>
#include <vector>

#include "connectors/files/alias_table.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::files {

struct GeneratorConfig {
  std::uint64_t seed = 1;
  std::uint32_t samples_per_message = 256;  // samples in a batch, >= 1
  std::uint32_t users = 200'000;            // >= communities
  std::uint32_t items = 100'000;            // at any moment, >= communities
  std::uint32_t communities = 200;          // 1 .. 65,536
  std::uint32_t categories = 40;            // 1 .. communities
  double community_zipf = 0.6;              // Zipf exponents, 0 .. 4
  double user_zipf = 0.8;
  double item_zipf = 1.0;
  double in_community = 0.8;                  // share of samples inside one community, 0 .. 1
  std::uint64_t drift_samples = 50'000;       // 0: no drift of popularity
  double new_item_rate = 0.002;               // share of samples with a brand-new item, 0 .. 1
  double base_rate = 0.3;                     // mean label, 0.001 .. 0.999
  double signal = 0.9;                        // of the hidden model, >= 0
  double label_noise = 0.3;                   // >= 0
  std::int64_t start_ms = 1'700'000'000'000;  // event time of the first sample, Unix milliseconds
  double samples_per_second = 1'000;          // how fast event time passes, > 0

  // kConfig naming the first setting that is out of bounds.
  Result<void> validate() const;
};

class EventGenerator {
 public:
  static Result<EventGenerator> create(const GeneratorConfig& config);

  // The next samples_per_message samples; position counts messages.
  void next(pipeline::EventBatch& into);

  // user, item, category, feeding tables 0, 1, 2 in that order.
  const pipeline::FeatureSchema& schema() const { return schema_; }
  const GeneratorConfig& config() const { return config_; }
  std::uint64_t samples() const { return samples_; }
  std::uint64_t new_items() const { return new_items_; }

 private:
  static constexpr std::size_t kFactors = 4;

  struct Sample {
    std::uint32_t user;
    std::uint32_t user_community;
    std::uint32_t item;  // slot of the catalogue
    std::uint32_t item_community;
  };
  // What a community, a user or an item brings to the label: unit-variance bias and factors.
  struct Character {
    float bias = 0;
    float factors[kFactors] = {};
  };

  explicit EventGenerator(const GeneratorConfig& config);
  Sample draw(Random& random) const;
  Id user_id(std::uint32_t user) const;
  Id item_id(std::uint32_t slot) const;
  double score(const Sample& sample, Id user, Id item) const;
  void calibrate();

  GeneratorConfig config_;
  pipeline::FeatureSchema schema_;
  Random random_;
  AliasTable community_ranks_;
  AliasTable user_ranks_;  // inside a community
  AliasTable item_ranks_;
  std::vector<Character> user_communities_;
  std::vector<Character> item_communities_;
  std::vector<Id> category_ids_;
  std::vector<std::uint32_t> generation_;  // of each slot: which item holds it now
  double intercept_ = 0;
  std::uint64_t samples_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t new_items_ = 0;
};

}  // namespace remapd::files
