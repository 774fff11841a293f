#include "daemon/cli/comparison.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/cli/format.h"
#include "daemon/cli/text_table.h"

namespace remapd::cli {
namespace {

using Json = nlohmann::ordered_json;
using Verdict = evaluation::RowAdvice::Verdict;

Json number(double value) {
  return std::isfinite(value) ? Json(std::round(value * 1e6) / 1e6) : Json(nullptr);
}

std::string share_or_dash(double share) {
  return std::isfinite(share) ? format_share(share) : "-";
}

std::string signed_share(double share) {
  return std::isfinite(share) ? fmt::format("{:+.2f} %", share * 100) : "-";
}

const ComparedStrategy* find(const Comparison& comparison, std::string_view name,
                             std::optional<std::size_t> budget) {
  for (const ComparedStrategy& strategy : comparison.strategies) {
    if (strategy.name == name && strategy.budget == budget) return &strategy;
  }
  return nullptr;
}

std::string quality_table(const Comparison& comparison) {
  using Align = TextTable::Align;
  TextTable table({{"budget", Align::kLeft},
                   {"strategy", Align::kLeft},
                   {"rows"},
                   {"memory"},
                   {"NE"},
                   {"over full"},
                   {"gap closed"},
                   {"AUC"},
                   {"moved"},
                   {"versions"}});
  std::optional<std::size_t> last;
  for (const ComparedStrategy& strategy : comparison.strategies) {
    const evaluation::PrequentialFigures& figures = strategy.figures;
    std::string budget = "all ids";
    if (strategy.budget) {
      budget = strategy.budget == last ? "" : comparison.budgets[*strategy.budget].name;
    }
    last = strategy.budget;
    table.add_row({budget, strategy.name, format_count(figures.rows),
                   format_bytes(embedding_bytes(figures.rows, comparison.dimension)),
                   fmt::format("{:.4f}", figures.normalised_entropy),
                   strategy.budget ? signed_share(strategy.over_full) : "",
                   share_or_dash(strategy.gap_closed), fmt::format("{:.4f}", figures.auc),
                   share_or_dash(figures.moved_median),
                   figures.versions > 0 ? format_count(figures.versions) : "-"});
  }
  return table.to_string();
}

std::string legend(const Comparison& comparison) {
  return fmt::format(
      "memory: embeddings of {} floats, without optimiser state; NE: normalised entropy, lower is\n"
      "better, 1 is what knowing the mean label gives; over full: log loss above the full "
      "table's;\n"
      "gap closed: from hash (0 %) to a row for every id (100 %); moved: traffic whose row "
      "changed\n"
      "from one version to the next (median).\n",
      comparison.dimension);
}

std::string rows_by_table(const Comparison& comparison, const ComparedBudget& budget) {
  TextTable table({{"table", TextTable::Align::kLeft}, {"rows"}, {"ids in this log"}});
  for (std::size_t f = 0; f < comparison.features.size(); ++f) {
    table.add_row({comparison.features[f].name, format_count(budget.rows[f]),
                   format_count(comparison.features[f].ids)});
  }
  return table.to_string(2);
}

std::string error_margin(const ComparedStrategy& strategy) {
  return fmt::format("{} ±{:.2f} %", signed_share(strategy.over_full),
                     200 * strategy.standard_error);
}

std::string take_text(const Comparison& comparison, const ComparedBudget& budget, std::size_t at) {
  const ComparedStrategy& combined = *find(comparison, "combined", at);
  std::string text = fmt::format(
      "Recommendation: {} with combined, {} in all: the smallest budget compared whose loss is\n"
      "within {:g} % of a row for every id ({}).\n{}",
      budget.share ? budget.name + " of the ids" : "the rows configured",
      count_of(budget.total_rows(), "row"), comparison.within * 100, error_margin(combined),
      rows_by_table(comparison, budget));
  const ComparedStrategy* hash = find(comparison, "hash", at);
  if (hash != nullptr && hash->over_full <= comparison.within) {
    text += fmt::format(
        "Plain hashing is within {:g} % there as well ({}): on this log the mapping gains "
        "little.\n",
        comparison.within * 100, error_margin(*hash));
  }
  const bool smallest = std::none_of(
      comparison.budgets.begin(), comparison.budgets.end(),
      [&](const ComparedBudget& other) { return other.total_rows() < budget.total_rows(); });
  if (smallest) text += "It is the smallest one compared: try still fewer rows with --rows.\n";
  return text;
}

std::string advice_text(const Comparison& comparison) {
  if (!comparison.advice) return "";
  switch (comparison.advice->verdict) {
    case Verdict::kTake: {
      const std::size_t at = comparison.advice->budget;
      return take_text(comparison, comparison.budgets[at], at);
    }
    case Verdict::kNoneWithin:
      return fmt::format(
          "No recommendation: combined loses more than {:g} % at every budget compared. Give it "
          "more "
          "rows\nwith --rows, or accept more with --within.\n",
          comparison.within * 100);
    case Verdict::kTooShort:
      break;
  }
  std::string text = fmt::format(
      "No recommendation: the log is too short to tell what is within {:g} % of the full table. "
      "At\n"
      "these losses and their errors (twice the standard error) more samples are needed:\n",
      comparison.within * 100);
  for (const ComparedStrategy& strategy : comparison.strategies) {
    if (strategy.name != "combined" || !strategy.budget) continue;
    text += fmt::format("  {}: {}\n", comparison.budgets[*strategy.budget].name,
                        error_margin(strategy));
  }
  return text;
}

}  // namespace

std::uint64_t ComparedBudget::total_rows() const {
  return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0});
}

std::uint64_t embedding_bytes(std::uint64_t rows, std::uint32_t dimension) {
  return rows * dimension * sizeof(float);
}

std::string to_text(const Comparison& comparison) {
  std::string text = fmt::format("compared on {} in {}", count_of(comparison.samples, "sample"),
                                 format_seconds(comparison.seconds));
  for (std::size_t f = 0; f < comparison.features.size(); ++f) {
    const ComparedFeature& feature = comparison.features[f];
    text += fmt::format("{}{} {}", f == 0 ? ": " : ", ", feature.name, count_of(feature.ids, "id"));
  }
  text += "\n";
  if (comparison.read.rejected > 0) {
    text += count_of(comparison.read.rejected, "record") + " could not be read:\n";
    for (const std::string& note : comparison.read.reject_notes) text += "  " + note + "\n";
    if (comparison.read.rejected > comparison.read.reject_notes.size()) text += "  ...\n";
  }
  for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
  if (comparison.strategies.empty()) return text;
  text += fmt::format(
      "figures are over the {} after the first {:.0f} %, each predicted before it was learned; {} "
      "of them positive\n\n",
      count_of(comparison.evaluated, "sample"), evaluation::kWarmUpShare * 100,
      format_share(comparison.positive_share));
  text += quality_table(comparison) + "\n" + legend(comparison);
  const std::string advice = advice_text(comparison);
  return advice.empty() ? text : text + "\n" + advice;
}

std::string to_json(const Comparison& comparison) {
  Json features = Json::array();
  for (const ComparedFeature& feature : comparison.features) {
    features.push_back({{"name", feature.name}, {"distinct_ids", feature.ids}});
  }
  const auto budget_of = [&](std::optional<std::size_t> at) {
    return at ? Json(comparison.budgets[*at].name) : Json(nullptr);
  };
  Json results = Json::array();
  for (const ComparedStrategy& strategy : comparison.strategies) {
    const evaluation::PrequentialFigures& figures = strategy.figures;
    results.push_back({{"budget", budget_of(strategy.budget)},
                       {"strategy", strategy.name},
                       {"rows", figures.rows},
                       {"bytes", embedding_bytes(figures.rows, comparison.dimension)},
                       {"ne", number(figures.normalised_entropy)},
                       {"logloss", number(figures.log_loss)},
                       {"auc", number(figures.auc)},
                       {"over_full", number(strategy.over_full)},
                       {"over_full_standard_error", number(strategy.standard_error)},
                       {"gap_closed", number(strategy.gap_closed)},
                       {"traffic_moved", number(figures.moved_median)},
                       {"versions", figures.versions}});
  }
  Json budgets = Json::array();
  for (const ComparedBudget& budget : comparison.budgets) {
    Json rows = Json::object();
    for (std::size_t f = 0; f < budget.rows.size(); ++f) {
      rows[comparison.features[f].name] = budget.rows[f];
    }
    budgets.push_back({{"name", budget.name},
                       {"share", budget.share ? Json(*budget.share) : Json(nullptr)},
                       {"rows", rows}});
  }
  Json recommendation = nullptr;
  if (comparison.advice) {
    const bool take = comparison.advice->verdict == Verdict::kTake;
    recommendation = {{"verdict", to_string(comparison.advice->verdict)},
                      {"within", comparison.within},
                      {"budget", take ? budget_of(comparison.advice->budget) : Json(nullptr)}};
  }
  const Json all{
      {"samples", comparison.samples},
      {"evaluated_samples", comparison.evaluated},
      {"positive_share", number(comparison.positive_share)},
      {"negatives", comparison.negatives.empty() ? Json(nullptr) : Json(comparison.negatives)},
      {"rejected_records", comparison.read.rejected},
      {"notes", comparison.notes},
      {"features", features},
      {"budgets", budgets},
      {"dimension", comparison.dimension},
      {"results", results},
      {"recommendation", recommendation},
      {"seconds", number(comparison.seconds)}};
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace remapd::cli
