#include "evaluation/prequential.h"

#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "evaluation/metrics.h"

namespace remapd::evaluation {
namespace {

constexpr std::size_t kStretch = 10'000;  // samples

void migrate(const Publication& version, FmModel& model) {
  for (const Publication::Table& table : version.tables) {
    FmTable& target = model.table(table.feature);
    const bool applied =
        apply(table.plan, target.matrix(), kFmColumns).has_value() &&
        apply_to_state(table.plan, target.state(), 1, kFmSettings.initial_accumulator).has_value();
    REMAPD_CHECK(applied, "a plan fits the table it was made for");
  }
}

std::optional<Negatives> negatives_of(const PrequentialOptions& options) {
  if (!options.negatives) return std::nullopt;
  return Negatives{*options.negatives, options.seed};
}

std::vector<std::uint32_t> table_rows(const EventLog& log, const OnlineMapper* mapper,
                                      const std::vector<RowsOfIds>& fixed) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t f = 0; f < log.features(); ++f) {
    rows.push_back(mapper != nullptr ? mapper->rows(FeatureIndex{f}).rows : fixed[f].rows);
  }
  return rows;
}

}  // namespace

std::vector<RowsOfIds> full_table(const EventLog& log) {
  std::vector<RowsOfIds> rows;
  for (std::uint32_t f = 0; f < log.features(); ++f) {
    rows.push_back(own_rows(log.distinct(FeatureIndex{f})));
  }
  return rows;
}

Prequential::Prequential(const EventLog& log, std::vector<RowsOfIds> rows,
                         const PrequentialOptions& options)
    : Prequential(log, nullptr, std::move(rows), options) {}

Prequential::Prequential(const EventLog& log, std::unique_ptr<OnlineMapper> mapper,
                         const PrequentialOptions& options)
    : Prequential(log, std::move(mapper), {}, options) {}

Prequential::Prequential(const EventLog& log, std::unique_ptr<OnlineMapper> mapper,
                         std::vector<RowsOfIds> fixed, const PrequentialOptions& options)
    : mapper_(std::move(mapper)),
      fixed_(std::move(fixed)),
      migrate_(options.migrate),
      features_(static_cast<std::uint32_t>(log.features())),
      model_(table_rows(log, mapper_.get(), fixed_), options.seed),
      stream_(log, negatives_of(options)),
      warm_up_(
          static_cast<std::size_t>(options.warm_up_share * static_cast<double>(stream_.samples()))),
      sample_{std::vector<std::vector<Row>>(features_),
              std::vector<std::span<const Row>>(features_)},
      numbers_(features_) {}

bool Prequential::advance(std::size_t samples) {
  for (std::size_t i = 0; i < samples && done_ < stream_.samples(); ++i) {
    stream_.next();
    take_sample();
    ++done_;
  }
  return done_ < stream_.samples();
}

void Prequential::take_sample() {
  for (std::uint32_t f = 0; f < features_; ++f) {
    const FeatureIndex feature{f};
    numbers_[f] = stream_.numbers(feature);
    std::vector<Row>& rows = sample_.rows[f];
    rows.clear();
    const RowsOfIds& where = rows_of(feature);
    for (const std::uint32_t number : numbers_[f]) where.append_to(number, rows);
    sample_.spans[f] = rows;
  }
  const float label = stream_.label();
  if (!std::isnan(label)) {
    model_.set_sample(sample_.spans);
    if (done_ >= warm_up_) {
      predictions_.push_back(static_cast<float>(model_.predict()));
      labels_.push_back(label);
    }
    model_.learn(label > 0.5f);
  }
  if (!mapper_) return;
  mapper_->take(numbers_, label);
  if (mapper_->version_due()) publish_due();
}

void Prequential::publish_due() {
  const Publication version = mapper_->publish_due();
  if (migrate_) migrate(version, model_);
  if (done_ < warm_up_) return;
  if (version.tables.empty()) return;
  moved_.push_back(version.moved);
  moved_in_stretch_.resize((done_ - warm_up_) / kStretch + 1);
  moved_in_stretch_.back() += version.moved;
  rerouted_.push_back(version.rerouted);
}

PrequentialFigures Prequential::figures() const {
  PrequentialFigures figures;
  const LossFigures loss = loss_figures(predictions_, labels_);
  figures.normalised_entropy = loss.normalised_entropy;
  figures.log_loss = loss.log_loss;
  figures.auc = area_under_curve(predictions_, labels_);
  for (std::uint32_t f = 0; f < features_; ++f) figures.rows += rows_of(FeatureIndex{f}).rows;
  figures.versions = versions();
  figures.moved_median = median(moved_);
  figures.moved_mean = mean(moved_);
  figures.rerouted_median = median(rerouted_);
  figures.moved_per_stretch = median(moved_in_stretch_);
  return figures;
}

}  // namespace remapd::evaluation
