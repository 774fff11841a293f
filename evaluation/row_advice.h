// Which row budget to take, from what a comparison measured.
//
// The rule: the smallest budget whose log loss is within `within` of the full table's, relatively.
// Measured on a log, that loss has an error; a budget counts only if twice its standard error is no
// more than `within` either, so that a short log is not taken for a good mapping. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace remapd::evaluation {

// One budget, with the strategy that is asked about.
struct BudgetLoss {
  std::uint64_t rows = 0;
  double over_full = 0;       // (loss - loss of the full table) / loss of the full table
  double standard_error = 0;  // of over_full
};

struct RowAdvice {
  enum class Verdict : std::uint8_t {
    kTake,        // `budget`
    kNoneWithin,  // every budget measured loses more, clearly
    kTooShort,    // some budget may be within, but the log is too short to tell
  };
  Verdict verdict = Verdict::kTooShort;
  std::size_t budget = 0;  // of kTake: its place in the list
};

// NaN counts as not known. An empty list is kNoneWithin.
RowAdvice advise_rows(std::span<const BudgetLoss> budgets, double within);

// "take", "none_within", "too_short".
std::string_view to_string(RowAdvice::Verdict verdict);

}  // namespace remapd::evaluation
