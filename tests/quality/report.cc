#include "tests/quality/report.h"

#include <cmath>
#include <cstdio>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "evaluation/metrics.h"

namespace remapd::quality {
namespace {

using Json = nlohmann::ordered_json;

Json number(const Figure& figure, double value) {
  if (std::isnan(value)) return nullptr;
  if (figure.kind == Figure::Kind::kCount) return std::llround(value);
  const double unit = figure.kind == Figure::Kind::kSeconds ? 1e1 : 1e6;
  return std::round(value * unit) / unit;
}

std::string text(const Figure& figure) {
  const double value = evaluation::mean(figure.by_seed);
  if (std::isnan(value)) return "-";
  switch (figure.kind) {
    case Figure::Kind::kCount:
      return fmt::format("{:.0f}", value);
    case Figure::Kind::kSeconds:
      return fmt::format("{:.1f}", value);
    case Figure::Kind::kRatio:
      break;
  }
  if (figure.spread && figure.by_seed.size() > 1) {
    return fmt::format("{:.4f} ±{:.4f}", value, evaluation::sample_deviation(figure.by_seed));
  }
  return fmt::format("{:.4f}", value);
}

}  // namespace

void Report::add(const std::string& strategy, const std::vector<Figure>& figures) {
  progress_.clear();
  if (json_) {
    Json line;
    if (!strategy.empty()) line["strategy"] = strategy;
    for (const Figure& figure : figures) {
      line[figure.name] = number(figure, evaluation::mean(figure.by_seed));
      if (figure.spread && figure.by_seed.size() > 1) {
        line[figure.name + "_sd"] = number(figure, evaluation::sample_deviation(figure.by_seed));
      }
    }
    fmt::print("{}\n", line.dump());
  } else {
    const auto width = [](const Figure& figure) {
      return figure.spread && figure.by_seed.size() > 1 ? 15 : 8;
    };
    if (!header_printed_) {
      header_printed_ = true;
      if (!strategy.empty()) fmt::print("{:<12}", "strategy");
      for (const Figure& figure : figures) {
        fmt::print("  {:>{}}", figure.name, std::max<int>(width(figure), figure.name.size()));
      }
      fmt::print("\n");
    }
    if (!strategy.empty()) fmt::print("{:<12}", strategy);
    for (const Figure& figure : figures) {
      fmt::print("  {:>{}}", text(figure), std::max<int>(width(figure), figure.name.size()));
    }
    fmt::print("\n");
  }
  std::fflush(stdout);
}

}  // namespace remapd::quality
