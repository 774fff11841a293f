// FrequencyMapper: the baseline that does not know which ids behave alike: frequent ids own a row,
// the others are hashed over the rest. It runs remapd's engine with strategy `frequency` on the
// samples the trainer has learned, so that only the strategy differs: row budget, the samples at
// which versions are built, and migration are the same.
//
// Not thread safe. publish() costs O(distinct ids).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/mapping/artifact.h"
#include "core/pipeline/engine.h"
#include "evaluation/fm_model.h"
#include "examples/click_trainer/placement.h"

namespace remapd::click_trainer {

class FrequencyMapper {
 public:
  // kInvalidArgument when a table cannot be mapped as asked for.
  static Result<std::unique_ptr<FrequencyMapper>> create(std::span<const Table> tables,
                                                         std::uint64_t seed);

  // Samples the model has learned.
  void take(const pipeline::EventBatch& samples) { engine_->ingest(samples); }

  // The next version of a shared table; the model's rows move with it.
  void publish(FeatureIndex feature, evaluation::FmModel& model);

  // Of a shared table.
  void place(FeatureIndex feature, std::span<const Id> ids, std::vector<Row>& rows) const;

 private:
  struct Served {
    Bytes bytes;
    std::optional<mapping::ArtifactView> artifact;  // of bytes; none before the first version
    mapping::Fallback initial;
    Version version;
  };
  FrequencyMapper(std::unique_ptr<pipeline::Engine> engine, std::span<const Table> tables,
                  std::uint64_t seed);

  std::unique_ptr<pipeline::Engine> engine_;
  std::vector<Table> tables_;
  std::vector<Served> served_;  // by feature
};

}  // namespace remapd::click_trainer
