#include "evaluation/metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "core/base/check.h"

namespace remapd::evaluation {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double log_loss(double probability, bool label) {
  constexpr double kMargin = 1e-12;
  return -std::log(std::max(label ? probability : 1 - probability, kMargin));
}

double base_rate_entropy(double rate) {
  if (rate <= 0 || rate >= 1) return 0;
  return -rate * std::log(rate) - (1 - rate) * std::log(1 - rate);
}

LossFigures loss_figures(std::span<const float> probabilities, std::span<const float> labels) {
  REMAPD_CHECK(probabilities.size() == labels.size(), "one probability per label");
  if (labels.empty()) return {kNothing, kNothing};
  double loss = 0;
  double positives = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool label = labels[i] > 0.5f;
    loss += log_loss(probabilities[i], label);
    positives += label;
  }
  const auto n = static_cast<double>(labels.size());
  const double entropy = base_rate_entropy(positives / n);
  return {loss / n, entropy > 0 ? loss / n / entropy : kNothing};
}

LossDifference loss_difference(std::span<const float> probabilities,
                               std::span<const float> reference, std::span<const float> labels) {
  REMAPD_CHECK(probabilities.size() == labels.size() && reference.size() == labels.size(),
               "two probabilities per label");
  if (labels.empty()) return {kNothing, kNothing};
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool label = labels[i] > 0.5f;
    const double more = log_loss(probabilities[i], label) - log_loss(reference[i], label);
    sum += more;
    squares += more * more;
  }
  const auto n = static_cast<double>(labels.size());
  const double mean_more = sum / n;
  if (labels.size() < 2) return {mean_more, kNothing};
  const double variance = std::max(squares - n * mean_more * mean_more, 0.0) / (n - 1);
  return {mean_more, std::sqrt(variance / n)};
}

double area_under_curve(std::span<const float> scores, std::span<const float> labels) {
  REMAPD_CHECK(scores.size() == labels.size(), "one score per label");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double pairs_won = 0;
  double negatives = 0;
  double positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    double tied_negatives = 0;
    double tied_positives = 0;
    const float score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i) {
      (labels[order[i]] > 0.5f ? tied_positives : tied_negatives) += 1;
    }
    pairs_won += tied_positives * (negatives + tied_negatives / 2);
    negatives += tied_negatives;
    positives += tied_positives;
  }
  return negatives > 0 && positives > 0 ? pairs_won / (negatives * positives) : kNothing;
}

double mean(std::span<const double> values) {
  if (values.empty()) return kNothing;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::span<const double> values) {
  if (values.empty()) return kNothing;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double sample_deviation(std::span<const double> values) {
  if (values.empty()) return kNothing;
  if (values.size() == 1) return 0;
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

}  // namespace remapd::evaluation
