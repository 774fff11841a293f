// The engine: keeps the statistics of an event stream and builds mappings from them, for all tables
// of the stream.
//
// Deterministic: samples are learned in mini-batches counted along the stream, whatever batches
// they arrive in; at every tick counts decay and cold ids are evicted. The same samples in the same
// order, with builds begun and adopted at the same samples, give the same state and the same
// mappings, byte for byte, for any number of threads.
//
// Building a mapping has three steps, so that intake can go on meanwhile:
//   BuildJob job = engine.begin_build(table);  // copies what the build needs; on the intake thread
//   BuildOutcome out = run_build(job);         // pure; on any thread
//   engine.adopt(out);                         // the version was published; on the intake thread
// Until adopt() the incumbent stays in force: a build that is begun and dropped changes neither
// counts nor mappings.
//
// A full build ranks and clusters all ids: begin_build() is O(tracked ids of the table) and, with
// co-access embeddings, copies the co-access graph of all tables; jobs begun at the same sample
// share that copy. An increment looks only at the ids accessed since the incumbent (increment.h);
// all three steps are O(those).
//
// Not thread safe: one caller at a time, normally the pipeline thread. Parallel inside (oneTBB).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/state_writer.h"
#include "core/mapping/artifact.h"
#include "core/mapping/delta.h"
#include "core/mapping/mapping.h"
#include "core/mapping/migration_plan.h"
#include "core/pipeline/engine_config.h"
#include "core/pipeline/event_batch.h"
#include "core/placement/increment.h"
#include "core/placement/placed_rows.h"

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
  double new_id_traffic = 0;      // share of new ids among the accesses since the last adopt()
  // In force now; 0: unbounded.
  double half_life_samples = 0;    // of counts
  double horizon_accesses = 0;     // of supervised learning: an id's latest that count
  std::uint64_t memory_bytes = 0;  // without the learners
  Version version;                 // adopted version, 0 before the first
  mapping::MappingStats mapping;   // of the adopted version
};

struct EngineStats {
  std::uint64_t samples = 0;
  std::uint64_t waiting_samples =
      0;  // of these, for their mini-batch to fill: in no other count yet
  std::uint64_t labelled_samples = 0;
  double label_sum = 0;   // of the labelled samples
  std::uint64_t ids = 0;  // accesses of all tables
  std::uint64_t ticks = 0;
  double tick_seconds = 0;          // folding, since the engine was made
  std::uint64_t learner_bytes = 0;  // of all tables' embeddings together
  std::vector<TableStats> tables;
};

// What a row of the adopted version is for; kAny: rows of both kinds, and ids without a row.
enum class RowRole : std::uint8_t { kAny, kDedicated, kShared };

// One id, as the admin server shows it.
struct IdStats {
  Id id = 0;
  double frequency = 0;       // decayed accesses; 0: not tracked
  Row row = kNoRow;           // in the adopted version; see the members of Engine
  std::uint64_t row_ids = 0;  // tracked ids that the adopted version places on that row
};

struct BuildJob;  // opaque: copies of what a build reads

struct BuildJobDeleter {
  void operator()(BuildJob* job) const;
};
using BuildJobPtr = std::unique_ptr<BuildJob, BuildJobDeleter>;

struct BuildOutcome {
  TableIndex table;
  // info.version, parent, epoch as given to begin_build(). Of an increment: info and stats alone.
  mapping::Mapping mapping;
  std::shared_ptr<const mapping::Mapping> incumbent;  // of a full build; null if there was none
  mapping::MigrationPlan plan;  // from the incumbent, or from hashing over all rows if none
  mapping::ArtifactKind artifact = mapping::ArtifactKind::kFast;  // to encode the mapping as

  // An increment: the version is the incumbent with these changes.
  std::optional<mapping::Delta> increment;

  // Whether increments can follow a full build, as far as can be known then.
  bool leads_to_increments() const;

  // For adopt().
  std::uint64_t clustered_ids = 0;
  std::shared_ptr<placement::PlacedRows> placed;
  std::vector<placement::Increment::RowTraffic> row_traffic;
};

// Pure and re-entrant; may run on any thread while the engine takes in events.
BuildOutcome run_build(BuildJobPtr job);

enum class BuildKind : std::uint8_t { kFull, kIncrement };

// The version to be built.
struct BuildRequest {
  TableIndex table;
  Version version;  // > the adopted one
  Epoch epoch;
  std::int64_t built_ms = 0;
  BuildKind kind = BuildKind::kFull;
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

  // Learns the samples of an incomplete mini-batch. For the end of a finite stream: elsewhere it
  // shifts the mini-batches that follow, and with them the results.
  virtual void flush() = 0;

  // What a version of the table can be while no full build is due. kIncrement: its incumbent was
  // built here, for the same row budget and as a fast artifact, and has rows to spare for the ids
  // that are new, or the ids' embeddings can be compared with those of then (supervised ones can).
  // kFull: the ids that are new are about to use up its spare rows. None: neither.
  virtual std::optional<BuildKind> between_full_builds(TableIndex table) const = 0;
  // kIncrement: only while between_full_builds() says so.
  virtual BuildJobPtr begin_build(const BuildRequest& request) = 0;
  // All ids and rows of an increment that has not been adopted. O(known ids).
  virtual mapping::Mapping mapping_after(const BuildOutcome& increment) const = 0;
  // The outcome's version is now the incumbent of its table.
  virtual void adopt(const BuildOutcome& outcome) = 0;
  // Makes a published artifact the incumbent: after a restart whose checkpoint is older, or a
  // roll-back. Only ids that the engine tracks are taken over; the next version leaves out the
  // others. kInvalidArgument: it is of another table.
  virtual Result<void> adopt(TableIndex table, const mapping::ArtifactView& artifact) = 0;

  virtual EngineStats stats() const = 0;
  virtual std::uint64_t tracked_ids(TableIndex table) const = 0;
  // The adopted mapping, null before the first. One adopted from an artifact lists only the ids
  // that were tracked then. O(1).
  virtual std::shared_ptr<const mapping::Mapping> incumbent(TableIndex table) const = 0;

  // The `count` most frequent tracked ids on rows of that role, or on that row, most frequent
  // first. Rows are kNoRow for ids that the adopted version does not place. O(tracked ids).
  virtual std::vector<IdStats> heaviest(TableIndex table, std::size_t count,
                                        RowRole role = RowRole::kAny) const = 0;
  virtual std::vector<IdStats> sharing_row(TableIndex table, Row row, std::size_t count) const = 0;
  // Of any id. The row is the fallback's for an id that the adopted version does not place, kNoRow
  // before the first version. O(tracked ids).
  virtual IdStats id_stats(TableIndex table, Id id) const = 0;

  // The whole state, for checkpoints; format docs/formats.md "Engine state".
  virtual void save(StateWriter& out) const = 0;
  // Into an engine of the same config that has taken in nothing; called again, only the last one
  // counts. Errors: check_saved_state()'s, and kCorrupt.
  virtual Result<void> load(ByteReader& in) = 0;
};

}  // namespace remapd::pipeline
