// What "remapd compare" has measured, and how it is told: to people and to scripts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/log_feed.h"
#include "evaluation/prequential.h"
#include "evaluation/row_advice.h"

namespace remapd::cli {

struct ComparedFeature {
  std::string name;
  std::uint64_t ids = 0;  // distinct
};

struct ComparedBudget {
  std::string name;                 // "10 %", "configured"
  std::optional<double> share;      // of the ids; none: as configured
  std::vector<std::uint32_t> rows;  // by feature
  std::uint64_t total_rows() const;
};

struct ComparedStrategy {
  std::string name;
  std::optional<std::size_t> budget;  // none: the full table
  evaluation::PrequentialFigures figures;
  // Against the full table, relatively to its loss, and its standard error; NaN without one.
  double over_full = 0;
  double standard_error = 0;
  double gap_closed = 0;  // NaN without hash and full, or where hash loses nothing
};

struct Comparison {
  FeedCounts read;
  std::uint64_t samples = 0;    // compared, without negatives
  std::uint64_t evaluated = 0;  // predicted after the warm-up, with negatives
  double positive_share = 0;    // of those
  std::string negatives;        // the feature they are drawn for; empty: labels of the log
  std::vector<std::string> notes;
  std::vector<ComparedFeature> features;
  std::vector<ComparedBudget> budgets;
  std::vector<ComparedStrategy> strategies;  // full first, then by budget
  std::uint32_t dimension = 64;              // floats a row, for the memory figures
  double within = 0.005;
  // Of `combined`; none where full or combined was not run, or nothing could be predicted.
  std::optional<evaluation::RowAdvice> advice;
  double seconds = 0;
};

// Rows as embeddings of float32, without optimiser state.
std::uint64_t embedding_bytes(std::uint64_t rows, std::uint32_t dimension);

std::string to_text(const Comparison& comparison);
std::string to_json(const Comparison& comparison);

}  // namespace remapd::cli
