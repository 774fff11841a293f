// What is measured, as pure functions.
//
// Labels are 0 or 1, probabilities in (0, 1); spans of one call have the same length. Empty input
// gives NaN: there is nothing to measure.
#pragma once

#include <span>

namespace remapd::evaluation {

// -log of the probability the model gave to what happened, in nats. The probability is kept
// 1e-12 away from 0 and 1.
double log_loss(double probability, bool label);

// The entropy of a coin with this rate, in nats; 0 for rates 0 and 1.
double base_rate_entropy(double rate);

// Mean log loss and the same normalised by the entropy of the events' own base rate (He et al.,
// ADKDD 2014, "Practical Lessons from Predicting Clicks on Ads at Facebook"): 1 is what knowing the
// base rate alone gives, lower is better. With one class only the normalised entropy is NaN.
struct LossFigures {
  double log_loss = 0;
  double normalised_entropy = 0;
};
LossFigures loss_figures(std::span<const float> probabilities, std::span<const float> labels);

// How much more log loss `probabilities` has than `reference` on the same events, in nats: the
// mean, and its standard error if events were independent of each other. With fewer than two events
// the error is NaN.
struct LossDifference {
  double mean = 0;
  double standard_error = 0;
};
LossDifference loss_difference(std::span<const float> probabilities,
                               std::span<const float> reference, std::span<const float> labels);

// The probability that a positive is scored above a negative, ties counting half: exact, by
// sorting, O(n log n). NaN with one class only.
double area_under_curve(std::span<const float> scores, std::span<const float> labels);

double mean(std::span<const double> values);
// Of an even number of values, the mean of the two in the middle.
double median(std::span<const double> values);
// With n - 1 in the denominator; 0 for one value.
double sample_deviation(std::span<const double> values);

}  // namespace remapd::evaluation
