#include "evaluation/row_advice.h"

#include <optional>

namespace remapd::evaluation {

RowAdvice advise_rows(std::span<const BudgetLoss> budgets, double within) {
  std::optional<std::size_t> best;
  bool perhaps = false;
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    const BudgetLoss& budget = budgets[i];
    const double margin = 2 * budget.standard_error;
    if (budget.over_full <= within && margin <= within) {
      if (!best || budget.rows < budgets[*best].rows) best = i;
    } else if (!(budget.over_full - margin > within)) {
      perhaps = true;
    }
  }
  if (best) return {RowAdvice::Verdict::kTake, *best};
  return {perhaps ? RowAdvice::Verdict::kTooShort : RowAdvice::Verdict::kNoneWithin, 0};
}

std::string_view to_string(RowAdvice::Verdict verdict) {
  switch (verdict) {
    case RowAdvice::Verdict::kTake:
      return "take";
    case RowAdvice::Verdict::kNoneWithin:
      return "none_within";
    case RowAdvice::Verdict::kTooShort:
      break;
  }
  return "too_short";
}

}  // namespace remapd::evaluation
