#include "core/pipeline/publish_gates.h"

#include <algorithm>
#include <span>
#include <vector>

#include "core/base/random.h"
#include "core/mapping/artifact.h"

namespace remapd::pipeline {
namespace {

// A share as percent with one decimal.
std::string percent(double share) {
  const auto tenths = static_cast<std::int64_t>(share * 1000 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

GateResult min_samples(const GateLimits& limits, std::uint64_t samples) {
  return {samples >= limits.min_samples, std::to_string(samples) + " samples, publish.gates." +
                                             "min_samples asks for " +
                                             std::to_string(limits.min_samples)};
}

GateResult max_churn(const GateLimits& limits, const BuildOutcome& outcome) {
  if (outcome.incumbent == nullptr && !outcome.increment)
    return {true, "the first version moves nothing"};
  const double moved = outcome.mapping.stats.traffic_moved;
  // Written so that NaN does not pass.
  return {limits.max_churn >= 1 || moved <= limits.max_churn,
          percent(moved) + " of the traffic moves, publish.gates.max_churn allows " +
              percent(limits.max_churn)};
}

GateReport check_limits(const GateLimits& limits, std::uint64_t samples,
                        const BuildOutcome& outcome) {
  GateReport report;
  report.results[static_cast<std::size_t>(Gate::kMinSamples)] = min_samples(limits, samples);
  report.results[static_cast<std::size_t>(Gate::kMaxChurn)] = max_churn(limits, outcome);
  return report;
}

// Of the self-check; `wrong` is empty if all is well.
GateResult checked(const std::string& wrong, std::size_t ids) {
  if (wrong.empty()) return {true, "all " + std::to_string(ids) + " ids look up to their rows"};
  return {false, "self-check: " + wrong};
}

std::string row_text(Row row) {
  return std::to_string(row.value);
}

// The first id of `ids` that does not look up to its row of `rows`.
std::string compare_rows(const mapping::ArtifactView& view, std::span<const Id> ids,
                         std::span<const Row> rows) {
  constexpr std::size_t kStretch = 4096;
  std::vector<Row> found(kStretch);
  for (std::size_t first = 0; first < ids.size(); first += kStretch) {
    const std::size_t count = std::min(kStretch, ids.size() - first);
    const auto part = std::span(found).first(count);
    view.lookup(ids.subspan(first, count), part);
    const auto [there, here] =
        std::mismatch(part.begin(), part.end(), rows.begin() + static_cast<std::ptrdiff_t>(first));
    if (there == part.end()) continue;
    const auto at = first + static_cast<std::size_t>(there - part.begin());
    return "id " + std::to_string(ids[at]) + " looks up to row " + row_text(*there) + ", not " +
           row_text(*here);
  }
  return "";
}

// Some ids that the mapping does not hold, except those that the artifact takes for known.
std::string compare_new_ids(const mapping::Mapping& mapping, const mapping::ArtifactView& view) {
  constexpr int kTries = 256;
  Random random(mapping.info.version.value);
  for (int i = 0; i < kTries; ++i) {
    const Id id = random.next();
    if (mapping.find(id) != mapping.ids.size() || view.contains(id)) continue;
    const Row expected = mapping.info.fallback.row(id);
    if (view.lookup(id) == expected) continue;
    return "new id " + std::to_string(id) + " looks up to row " + row_text(view.lookup(id)) +
           ", its fallback is " + row_text(expected);
  }
  return "";
}

}  // namespace

std::string_view to_string(Gate gate) {
  switch (gate) {
    case Gate::kMinSamples:
      return "min_samples";
    case Gate::kMaxChurn:
      return "max_churn";
    case Gate::kSelfCheck:
      break;
  }
  return "self_check";
}

bool GateReport::passed() const {
  return std::all_of(results.begin(), results.end(), [](const GateResult& r) { return r.passed; });
}

std::string GateReport::objections() const {
  std::string out;
  for (const GateResult& result : results) {
    if (!result.passed) out += (out.empty() ? "" : "; ") + result.finding;
  }
  return out;
}

std::string self_check(const mapping::Mapping& mapping, ByteView artifact) {
  const auto view = mapping::ArtifactView::open(artifact, mapping::Verify::kAll);
  if (!view) return view.error().message;
  if (!(view->info() == mapping.info)) return "the artifact describes another version";
  if (view->ids() != mapping.ids.size()) {
    return "the artifact knows " + std::to_string(view->ids()) + " ids, the mapping " +
           std::to_string(mapping.ids.size());
  }
  if (view->content_hash() != mapping::content_hash(mapping)) {
    return "the artifact's content hash is another";
  }
  if (std::string wrong = compare_rows(*view, mapping.ids, mapping.rows); !wrong.empty()) {
    return wrong;
  }
  return compare_new_ids(mapping, *view);
}

GateReport check_gates(const GateLimits& limits, std::uint64_t samples, const BuildOutcome& outcome,
                       ByteView artifact) {
  GateReport report = check_limits(limits, samples, outcome);
  report.results[static_cast<std::size_t>(Gate::kSelfCheck)] =
      checked(self_check(outcome.mapping, artifact), outcome.mapping.ids.size());
  return report;
}

GateReport check_gates(const GateLimits& limits, std::uint64_t samples, const BuildOutcome& outcome,
                       const std::function<std::string()>& apply_and_check) {
  GateReport report = check_limits(limits, samples, outcome);
  GateResult& check = report.results[static_cast<std::size_t>(Gate::kSelfCheck)];
  check = {true, "not made"};
  if (!report.passed()) return report;
  const mapping::Delta& changes = *outcome.increment;
  check = checked(apply_and_check(), changes.added.size() + changes.moved.size());
  return report;
}

}  // namespace remapd::pipeline
