#include "tests/quality/prequential.h"

#include <chrono>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "connectors/trainer/examples/fm_model.h"
#include "core/base/check.h"
#include "tests/quality/co_clusters.h"
#include "tests/quality/metrics.h"
#include "tests/quality/rows_of_ids.h"
#include "tests/quality/sample_stream.h"

namespace remapd::quality {
namespace {

// The rows of one sample, feature by feature, in buffers that are reused.
class SampleRows {
 public:
  explicit SampleRows(std::size_t features) : rows_(features), spans_(features) {}

  void set(FeatureIndex feature, const RowsOfIds& where, std::span<const std::uint32_t> numbers) {
    std::vector<Row>& rows = rows_[feature.value];
    rows.clear();
    for (const std::uint32_t number : numbers) where.append_to(number, rows);
    spans_[feature.value] = rows;
  }
  std::span<const std::span<const Row>> spans() const { return spans_; }

 private:
  std::vector<std::vector<Row>> rows_;
  std::vector<std::span<const Row>> spans_;
};

void migrate(const Publication& version, FmModel& model) {
  for (const Publication::Table& table : version.tables) {
    FmTable& target = model.table(table.feature);
    const bool applied =
        apply(table.plan, target.matrix(), kFmColumns).has_value() &&
        apply_to_state(table.plan, target.state(), 1, kFmSettings.initial_accumulator).has_value();
    REMAPD_CHECK(applied, "a plan fits the table it was made for");
  }
}

// Rows for the whole log at once, by the ids its events have together, whatever their labels.
Result<std::vector<RowsOfIds>> co_clustered(const EventLog& log, const PrequentialOptions& options,
                                            std::uint64_t seed, Progress& progress) {
  const auto features = static_cast<std::uint32_t>(log.features());
  const std::vector<TableBudget> budgets = table_budgets(log, features, options.rows_share);
  std::vector<RowsOfIds> out;
  std::vector<FeatureIndex> sides;
  std::vector<std::uint32_t> ids;
  std::uint64_t rows = 0;
  for (std::uint32_t f = 0; f < features; ++f) {
    out.push_back(own_rows(log.distinct(FeatureIndex{f})));
    if (!budgets[f].mapped) continue;
    sides.push_back(FeatureIndex{f});
    ids.push_back(log.distinct(FeatureIndex{f}));
    rows += budgets[f].rows;
  }
  if (sides.empty()) return out;
  CoAccessCounts counts(ids);
  for (std::size_t event = 0; event < log.samples(); ++event) {
    for (std::uint32_t a = 0; a < sides.size(); ++a) {
      for (std::uint32_t b = a + 1; b < sides.size(); ++b) {
        for (const std::uint32_t one : log.numbers(sides[a], event)) {
          for (const std::uint32_t other : log.numbers(sides[b], event)) {
            counts.add(a, one, b, other);
          }
        }
      }
    }
  }
  progress.show([] { return "clustering"; });
  auto clustered = rows_by_co_clusters(counts, rows, seed);
  if (!clustered) return fail(std::move(clustered).error());
  for (std::size_t side = 0; side < sides.size(); ++side) {
    out[sides[side].value] = std::move((*clustered)[side]);
  }
  return out;
}

}  // namespace

Result<PrequentialFigures> run_prequential(const EventLog& log, const Contender& contender,
                                           const PrequentialOptions& options, std::uint64_t seed,
                                           Progress& progress) {
  if (!options.negatives && !log.labelled()) {
    return fail(ErrorCode::kInvalidArgument,
                "the log has no labels to predict; name a column to draw negatives for with "
                "--negatives, or the label column with --label-column");
  }
  const auto start = std::chrono::steady_clock::now();
  const auto features = static_cast<std::uint32_t>(log.features());

  std::unique_ptr<OnlineMapper> mapper;
  std::vector<RowsOfIds> fixed;
  if (contender.kind == Contender::Kind::kMapped) {
    auto created = OnlineMapper::create(log, table_budgets(log, features, options.rows_share),
                                        contender.strategy, options.mapper, seed);
    if (!created) return fail(std::move(created).error());
    mapper = std::move(*created);
  } else if (contender.kind == Contender::Kind::kLouvain) {
    auto clustered = co_clustered(log, options, seed, progress);
    if (!clustered) return fail(std::move(clustered).error());
    fixed = std::move(*clustered);
  } else {
    for (std::uint32_t f = 0; f < features; ++f) {
      fixed.push_back(own_rows(log.distinct(FeatureIndex{f})));
    }
  }
  const auto rows_of = [&](FeatureIndex feature) -> const RowsOfIds& {
    return mapper ? mapper->rows(feature) : fixed[feature.value];
  };

  PrequentialFigures figures;
  std::vector<std::uint32_t> table_rows;
  for (std::uint32_t f = 0; f < features; ++f) {
    table_rows.push_back(rows_of(FeatureIndex{f}).rows);
    figures.rows += table_rows.back();
  }
  FmModel model(table_rows, seed);

  SampleStream stream(
      log, options.negatives ? std::optional(Negatives{*options.negatives, seed}) : std::nullopt);
  const auto warm_up =
      static_cast<std::size_t>(kWarmUpShare * static_cast<double>(stream.samples()));
  SampleRows rows(features);
  std::vector<std::span<const std::uint32_t>> numbers(features);
  std::vector<float> predictions;
  std::vector<float> labels;
  std::vector<double> moved;
  std::vector<double> rerouted;
  for (std::size_t sample = 0; stream.next(); ++sample) {
    for (std::uint32_t f = 0; f < features; ++f) {
      numbers[f] = stream.numbers(FeatureIndex{f});
      rows.set(FeatureIndex{f}, rows_of(FeatureIndex{f}), numbers[f]);
    }
    const float label = stream.label();
    if (!std::isnan(label)) {
      model.set_sample(rows.spans());
      if (sample >= warm_up) {
        predictions.push_back(static_cast<float>(model.predict()));
        labels.push_back(label);
      }
      model.learn(label > 0.5f);
    }
    if (mapper) {
      mapper->take(numbers, label);
      if (mapper->version_due()) {
        const Publication version = mapper->publish_due();
        if (options.migrate) migrate(version, model);
        if (sample >= warm_up) {
          moved.push_back(version.moved);
          rerouted.push_back(version.rerouted);
        }
      }
    }
    if (sample % 4096 == 0) {
      progress.show([&] {
        return fmt::format(
            "{:.0f} % of the samples{}",
            100.0 * static_cast<double>(sample) / static_cast<double>(stream.samples()),
            mapper ? fmt::format(", {} versions", mapper->versions()) : "");
      });
    }
  }

  const LossFigures loss = loss_figures(predictions, labels);
  figures.normalised_entropy = loss.normalised_entropy;
  figures.log_loss = loss.log_loss;
  figures.auc = area_under_curve(predictions, labels);
  figures.versions = mapper ? mapper->versions() : 0;
  figures.moved_median = median(moved);
  figures.moved_mean = mean(moved);
  figures.rerouted_median = median(rerouted);
  figures.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return figures;
}

}  // namespace remapd::quality
