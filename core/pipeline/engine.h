// The engine: statistics of an event stream, and mappings built from them.
//
// One engine serves all tables of a stream. Samples are learned in mini-batches counted along the
// stream, whatever the size of the batches they arrive in; at every tick statistics are folded
// (decay, eviction). The same samples in the same order, with builds begun and adopted at the same
// samples, give the same state and the same mappings, byte for byte, for any thread count and any
// batching.
//
// Building a mapping has three steps, so that intake can go on meanwhile:
//   BuildJob job = engine.begin_build(table);  // copies what the build needs; on the intake thread
//   BuildOutcome out = run_build(job);         // pure; on any thread
//   engine.adopt(out);                         // the version was published; on the intake thread
// Until adopt() the incumbent stays in force: a build that is rejected or cannot be published
// leaves no trace in counts or mappings, and neither does beginning one. Most of what is copied is
// the co-access graph of all tables; jobs begun at the same sample share it.
//
// Not thread safe: one caller at a time, normally the pipeline thread. Parallel inside (oneTBB).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/mapping/artifact.h"
#include "core/mapping/mapping.h"
#include "core/mapping/migration_plan.h"
#include "core/pipeline/engine_config.h"
#include "core/pipeline/event_batch.h"

namespace remapd::pipeline {

struct TableStats {
  std::string name;
  std::uint32_t rows = 0;
  std::string strategy;
  std::string artifact;        // "fast" or "compact"
  std::string learner;         // the one in use now: "co_access" or "supervised"
  std::string learner_reason;  // why, in words
  std::uint64_t accesses = 0;  // ids seen, all time
  double distinct_ids = 0;     // HyperLogLog estimate, all time
  std::uint64_t tracked_ids = 0;
  std::uint64_t evicted_ids = 0;  // all time
  double new_id_traffic = 0;      // share of recent accesses by ids the mapping did not know
  std::uint64_t memory_bytes = 0;
  Version version;                // adopted version, 0 before the first
  mapping::MappingStats mapping;  // of the adopted version
};

struct EngineStats {
  std::uint64_t samples = 0;
  std::uint64_t waiting_samples = 0;  // of these, for their mini-batch to fill: in no other count yet
  std::uint64_t labelled_samples = 0;
  double label_sum = 0;  // of the labelled samples
  std::uint64_t ids = 0;
  std::uint64_t ticks = 0;
  double tick_seconds = 0;          // folding, since the engine was made
  std::uint64_t learner_bytes = 0;  // of all tables' embeddings together
  std::vector<TableStats> tables;
};

// One tracked id as people see it: for /v1/tables/T/lookup, the page, and `remapd lookup`.
// What a row of the adopted version is for.
enum class RowRole : std::uint8_t { kAny, kDedicated, kShared };

struct IdStats {
  Id id = 0;
  double frequency = 0;       // decayed accesses
  Row row = kNoRow;           // in the adopted version; kNoRow before the first
  std::uint64_t row_ids = 0;  // tracked ids on that row, 1: a row of its own
};

struct BuildJob;  // opaque: a copy of one table's statistics

struct BuildJobDeleter {
  void operator()(BuildJob* job) const;
};
using BuildJobPtr = std::unique_ptr<BuildJob, BuildJobDeleter>;

struct BuildOutcome {
  TableIndex table;
  mapping::Mapping mapping;  // info.version, parent, epoch as given to begin_build()
  std::shared_ptr<const mapping::Mapping> incumbent;  // its predecessor, for deltas; null if none
  mapping::MigrationPlan plan;      // from the incumbent, or from hashing over all rows if none
  std::uint64_t clustered_ids = 0;  // for adopt()
  mapping::ArtifactKind artifact = mapping::ArtifactKind::kFast;  // to encode the mapping as
};

// Pure and re-entrant; may run on any thread while the engine takes in events.
BuildOutcome run_build(BuildJobPtr job);

// What the caller knows about the version to be built.
struct BuildRequest {
  TableIndex table;
  Version version;  // > the adopted one
  Epoch epoch;
  std::int64_t built_ms = 0;
};

// Whether what Engine::save() wrote, which `in` stands at, can be loaded under this configuration,
// as far as its first bytes say. kConflict names the settings of which one differs; kUnsupported.
Result<void> check_saved_state(const EngineConfig& config, ByteReader& in);

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> create(EngineConfig config);
  virtual ~Engine() = default;

  virtual const EngineConfig& config() const = 0;
  virtual const FeatureSchema& schema() const = 0;
  virtual std::uint64_t samples() const = 0;

  // Takes in all samples of the batch. batch.features() == schema().size(). Never fails: ids are
  // any 64-bit values, labels outside [0, 1] and NaN count as unlabelled, weights that are
  // negative or not finite as 1; samples of weight 0 are counted and not learned, other weights are
  // brought into [1e-6, 1e6].
  virtual void ingest(const EventBatch& batch) = 0;

  // Learns the samples still waiting for their mini-batch to fill. For the end of a finite stream;
  // calling it elsewhere is allowed but becomes part of the stream's definition.
  virtual void flush() = 0;

  virtual BuildJobPtr begin_build(const BuildRequest& request) = 0;
  // The outcome's version is now the incumbent of its table.
  virtual void adopt(const BuildOutcome& outcome) = 0;
  // Makes a published artifact the incumbent: after a restart without a checkpoint of it, or a
  // roll-back. Ids it knows and the engine does not are forgotten at the next version.
  virtual Result<void> adopt(TableIndex table, const mapping::ArtifactView& artifact) = 0;

  virtual EngineStats stats() const = 0;
  // O(1): what stats() says, and the adopted mapping with the ids the engine knew of it; null
  // before the first.
  virtual std::uint64_t tracked_ids(TableIndex table) const = 0;
  virtual std::shared_ptr<const mapping::Mapping> incumbent(TableIndex table) const = 0;
  virtual std::vector<IdStats> heaviest(TableIndex table, std::size_t count,
                                        RowRole role = RowRole::kAny) const = 0;
  virtual std::vector<IdStats> sharing_row(TableIndex table, Row row, std::size_t count) const = 0;
  virtual IdStats id_stats(TableIndex table, Id id) const = 0;

  // The whole state, for checkpoints; format docs/formats.md "Engine state".
  virtual void save(StateWriter& out) const = 0;
  // Into an engine of the same config that has taken in nothing; called again, only the last one
  // counts. Errors: check_saved_state()'s, and kCorrupt.
  virtual Result<void> load(ByteReader& in) = 0;
};

}  // namespace remapd::pipeline
