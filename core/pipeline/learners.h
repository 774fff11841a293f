// The learners of an engine, the factorisation machine (supervised) and the co-access graph, and
// the choice between them.
//
// A table with learner = auto uses supervised embeddings when at least half of the recent samples
// are labelled and at least 0.5 % of their labels are of the rarer class; otherwise co-access
// embeddings. A sample counts half after ten ticks.
//
// A learner exists only while a table uses it or may soon. The machine begins with the first label,
// or with the engine if a table pins it. The graph ends at the first tick at which no table needs
// it, and begins again at a tick at which one does; it is then used after tick_samples more
// samples. A learner that begins is given every tracked id.
//
// Not thread safe; parallel inside.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/embedding/co_access_graph.h"
#include "core/embedding/factorisation_machine.h"
#include "core/embedding/id_groups.h"
#include "core/embedding/slot_batch.h"
#include "core/embedding/spectral_embedding.h"
#include "core/pipeline/engine_config.h"

namespace remapd::pipeline {

class Learners {
 public:
  // slot_counts: slots of each table; generations: how many generations of a slot a SlotBatch can
  // express (generations.h).
  Learners(const EngineConfig& config, std::vector<std::uint32_t> slot_counts,
           std::uint32_t generations = embedding::Generations::kAll);

  void admit(TableIndex table, std::span<const sketch::Slot> slots, std::span<const Id> ids);

  // A table's tracked ids: slots[i] stands for ids[i].
  struct Tracked {
    std::vector<sketch::Slot> slots;
    std::vector<Id> ids;
  };
  // Called for every table when a learner begins, which must know all of them.
  using TrackedIdsOf = std::function<Tracked(TableIndex)>;

  // Begins the learners that samples with these labels need; call before they are learned.
  void begin_for(std::span<const float> labels, const TrackedIdsOf& tracked);
  // At a tick: begins or ends co-access learning, by recent labels. True if it has begun: then
  // all slots' generations are 0 again.
  bool begin_or_end_at_tick(const TrackedIdsOf& tracked);

  // For a table with a configured horizon: so many of an id's latest accesses count; 0: all.
  void set_horizon(TableIndex table, double accesses);
  // See FactorisationMachine; 0: unbounded, or not in use.
  double horizon_accesses(TableIndex table) const;

  // Slots of each table whose ids were evicted. True: all slots' generations are 0 again.
  bool evict(std::span<const std::vector<sketch::Slot>> slots);
  // See CoAccessGraph; empty without a graph.
  std::span<const std::uint8_t> generations(TableIndex table) const {
    return graph_ ? graph_->generations(table) : std::span<const std::uint8_t>();
  }
  // Whether learn() needs `groups`. Changes with begin_for() and load().
  bool needs_groups() const { return machine_.has_value(); }
  // Learns the batch in mini-batches of `mini_batch` > 0 samples, the last one shorter. `groups`:
  // by table, those of the same mini-batches.
  void learn(const embedding::SlotBatch& batch, std::span<const embedding::IdGroups> groups,
             std::size_t mini_batch);

  struct Choice {
    LearnerChoice learner;  // kCoAccess or kSupervised
    std::string reason;
  };
  Choice choice(TableIndex table) const;

  // See FactorisationMachine; none without one.
  std::optional<double> new_id_persistence(TableIndex table) const {
    return machine_ ? machine_->new_id_persistence(table) : std::nullopt;
  }

  // Embeddings of the slots' ids, by everything learned so far. With co-access they are not
  // computed here but by spectral->embed(table, slots), on any thread and at any later time.
  struct Embedding {
    std::vector<float> values;  // row-major, slots.size() x dimension; empty with `spectral`
    std::size_t dimension = 0;
    std::vector<float> metric;  // by which the values were computed; empty with `spectral`
    std::shared_ptr<const embedding::SpectralEmbedding> spectral;  // co-access; else null
  };
  Embedding embed(TableIndex table, std::span<const sketch::Slot> slots);
  // By the metric of an earlier embed(), so that the values can be compared with those of then.
  // Only while the table's choice() is kSupervised.
  Embedding embed(TableIndex table, std::span<const sketch::Slot> slots, std::vector<float> metric);

  std::uint64_t samples() const { return samples_; }
  std::uint64_t labelled_samples() const { return labelled_; }
  double label_sum() const { return label_sum_; }

  // Bytes a slot, of the learners that a table of this configuration may come to use.
  static std::size_t bytes_per_slot(const EngineConfig& config);
  // Bytes at most while the ids of one table, `ids`, are embedded; `slots`: of all tables.
  static std::size_t embedding_bytes(const EngineConfig& config, std::size_t slots,
                                     std::size_t ids);
  std::size_t memory_bytes() const;
  void save(StateWriter& out) const;
  // Into learners that have learned nothing; then begins what the tables are pinned to, should the
  // state have been saved under a configuration that pinned other learners.
  Result<void> load(ByteReader& in, const TrackedIdsOf& tracked);

 private:
  void learn_labels(const embedding::SlotBatch& batch, std::span<const embedding::IdGroups> groups,
                    std::size_t mini_batch);
  bool stream_is_labelled() const;
  bool some_table(LearnerChoice learner) const;
  bool graph_is_needed() const;
  bool graph_is_ready() const;
  void make_machine();
  void make_graph();
  void begin(bool machine, bool graph, const TrackedIdsOf& tracked);

  const EngineConfig& config_;
  std::vector<std::uint32_t> slot_counts_;
  std::uint32_t generations_;
  std::optional<embedding::FactorisationMachine> machine_;
  std::optional<embedding::CoAccessGraph> graph_;
  bool machine_learns_ = false;  // from the first mini-batch that has a label
  // Of the graph as it is now, while a build job holds it.
  std::weak_ptr<const embedding::SpectralEmbedding> spectral_;
  std::uint64_t graph_since_ = 0;  // samples when it began
  std::uint64_t samples_ = 0;
  std::uint64_t labelled_ = 0;
  double label_sum_ = 0;
  // The same, of recent samples.
  double recent_samples_ = 0;
  double recent_labelled_ = 0;
  double recent_label_sum_ = 0;
};

}  // namespace remapd::pipeline
