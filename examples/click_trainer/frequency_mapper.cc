#include "examples/click_trainer/frequency_mapper.h"

#include <utility>

#include "core/base/check.h"
#include "core/mapping/artifact_encoder.h"
#include "core/mapping/fallback.h"

namespace remapd::click_trainer {

Result<std::unique_ptr<FrequencyMapper>> FrequencyMapper::create(std::span<const Table> tables,
                                                                 std::uint64_t seed) {
  pipeline::EngineConfig config;
  config.seed = seed;
  for (std::uint32_t f = 0; f < tables.size(); ++f) {
    // A table that is not shared takes part as company for the others and is never built.
    config.tables.push_back({.name = tables[f].feature,
                             .rows = tables[f].shared() ? tables[f].rows : 1,
                             .strategy = mapping::Strategy::kFrequency});
    config.features.push_back({tables[f].feature, TableIndex{f}});
  }
  auto engine = pipeline::Engine::create(std::move(config));
  if (!engine) return fail(std::move(engine).error());
  return std::unique_ptr<FrequencyMapper>(new FrequencyMapper(std::move(*engine), tables, seed));
}

FrequencyMapper::FrequencyMapper(std::unique_ptr<pipeline::Engine> engine,
                                 std::span<const Table> tables, std::uint64_t seed)
    : engine_(std::move(engine)), tables_(tables.begin(), tables.end()), served_(tables.size()) {
  for (std::size_t f = 0; f < tables_.size(); ++f) {
    if (tables_[f].shared()) {
      served_[f].initial = mapping::initial_fallback(tables_[f].rows, seed);
    }
  }
}

void FrequencyMapper::publish(FeatureIndex feature, evaluation::FmModel& model) {
  Served& served = served_[feature.value];
  served.version = Version{served.version.value + 1};
  pipeline::BuildJobPtr job = engine_->begin_build(
      {.table = TableIndex{feature.value}, .version = served.version, .epoch = Epoch{1}});
  const pipeline::BuildOutcome outcome = pipeline::run_build(std::move(job));
  engine_->adopt(outcome);

  served.artifact.reset();
  served.bytes = mapping::encode_artifact(outcome.mapping);
  auto artifact = mapping::ArtifactView::open(served.bytes, mapping::Verify::kAll);
  REMAPD_CHECK(artifact.has_value(), "an artifact just encoded can be opened");
  served.artifact = std::move(*artifact);

  evaluation::FmTable& table = model.table(feature);
  const bool applied = mapping::apply(outcome.plan, table.matrix(), evaluation::kFmColumns) &&
                       mapping::apply_to_state(outcome.plan, table.state(), 1,
                                               evaluation::kFmSettings.initial_accumulator);
  REMAPD_CHECK(applied, "a plan fits the table it was made for");
}

void FrequencyMapper::place(FeatureIndex feature, std::span<const Id> ids,
                            std::vector<Row>& rows) const {
  const Served& served = served_[feature.value];
  if (served.artifact) {
    rows.resize(ids.size());
    served.artifact->lookup(ids, rows);
  } else {
    place_by_hash(served.initial, ids, rows);
  }
}

}  // namespace remapd::click_trainer
