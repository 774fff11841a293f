#include "connectors/files/alias_table.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace remapd::files {
namespace {

void expect_draws_follow(const AliasTable& table, const std::vector<double>& weights) {
  constexpr std::uint64_t kSeed = 5;
  constexpr int kDraws = 400'000;
  Random random(kSeed);
  std::vector<int> counts(weights.size(), 0);
  for (int i = 0; i < kDraws; ++i) ++counts[table.draw(random)];
  double sum = 0;
  for (const double w : weights) sum += w;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double p = weights[i] / sum;
    const double deviation = std::sqrt(kDraws * p * (1 - p));
    EXPECT_NEAR(counts[i], kDraws * p, 5 * deviation) << "outcome " << i << ", seed " << kSeed;
  }
}

TEST(AliasTable, DrawsByWeight) {
  for (const std::vector<double>& weights :
       {std::vector<double>{1}, {1, 1}, {0, 1, 0}, {1, 2, 3, 4}, {1e-9, 5, 1e-3, 100, 0, 0.5}}) {
    expect_draws_follow(AliasTable(weights), weights);
  }
}

TEST(AliasTable, DrawsByZipfsLaw) {
  for (const double exponent : {0.0, 0.7, 1.3}) {
    std::vector<double> weights;
    for (int rank = 1; rank <= 100; ++rank) weights.push_back(1 / std::pow(rank, exponent));
    expect_draws_follow(AliasTable::zipf(100, exponent), weights);
  }
}

}  // namespace
}  // namespace remapd::files
