// Intake: takes in samples, counts their ids and has the learners learn from them.
//
// Samples are collected to chunks of whole mini-batches with some thousand ids. Three steps
// overlap: the caller fills a chunk; the ids of the chunk before are counted, resolved to slots and
// grouped by id, each table by itself; the one before that is learned. Learners read slots only and
// tables do not read learners, so the steps share no data; a tick, which needs both, waits for
// them. What is learned depends neither on chunks nor on threads.
//
// Call settle() before tables or learners are read or changed: afterwards everything is learned
// except the samples of an incomplete mini-batch.
//
// Once buffers have grown, and without newly tracked ids, nothing is allocated. Not thread safe;
// parallel inside.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/background.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/embedding/id_groups.h"
#include "core/embedding/slot_batch.h"
#include "core/pipeline/engine_config.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/feature_schema.h"
#include "core/pipeline/learners.h"
#include "core/pipeline/pending_samples.h"
#include "core/pipeline/table_state.h"

namespace remapd::pipeline {

class Intake {
 public:
  // `config` must outlive this.
  explicit Intake(const EngineConfig& config);

  const FeatureSchema& schema() const { return schema_; }
  std::uint64_t samples() const { return samples_; }
  std::uint64_t ticks() const { return ticks_; }
  double tick_seconds() const { return tick_seconds_; }  // of this process

  void ingest(const EventBatch& batch);
  void settle();
  // settle(), and learns the incomplete mini-batch.
  void flush();

  // Only after settle().
  std::vector<TableState>& tables() { return tables_; }
  const std::vector<TableState>& tables() const { return tables_; }
  Learners& learners() { return learners_; }
  const Learners& learners() const { return learners_; }

  // Only after settle(). Format: docs/formats.md "Engine state", after the fingerprint.
  void save(StateWriter& out) const;
  Result<void> load(ByteReader& in);

 private:
  struct Chunk {
    explicit Chunk(std::size_t features) : samples(features) {}

    PendingSamples samples;
    embedding::SlotBatch batch;
    std::vector<Learners::Tracked> admitted;  // one for each table
    std::vector<embedding::IdGroups> groups;  // one for each table, if `grouped`
    bool grouped = false;
  };

  bool tick_is_due() const { return samples() - last_tick_ >= config_.tick_samples; }
  void turn();
  void finish_turn();
  void divide_tables();
  Learners::Tracked tracked(TableIndex table) const;
  void learn_resolved();
  void resolve(std::uint32_t table, Chunk& chunk);
  void hide_weightless(std::uint32_t index, Chunk& chunk) const;
  void group(std::uint32_t table, Chunk& chunk);
  void begin_what_is_needed();
  void learn(Chunk& chunk);
  void tick();

  const EngineConfig& config_;
  FeatureSchema schema_;
  std::vector<std::vector<std::uint32_t>> features_of_;  // by table
  std::vector<TableState> tables_;
  Learners learners_;
  std::uint64_t samples_ = 0;
  std::uint64_t ticks_ = 0;
  double tick_seconds_ = 0;
  std::uint64_t last_tick_ = 0;  // samples then
  Chunk filling_;
  Chunk resolving_;
  Chunk resolved_;

  // Scratch, kept for its memory.
  PendingSamples rest_;
  std::vector<std::uint32_t> tasks_;  // where each task's tables end, after a zero
  std::vector<std::size_t> value_at_;
  std::vector<std::vector<sketch::Slot>> evicted_;  // by table

  Background turn_;  // last: it uses all of the above
};

}  // namespace remapd::pipeline
