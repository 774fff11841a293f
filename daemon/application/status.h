// What the daemon is doing, as /status, /metrics and the page show it: a value, made by the
// pipeline thread about once a second and whenever something happens, and read by everyone else
// from a StatusBoard (status_board.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/mapping/manifest.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/event_source.h"
#include "core/pipeline/publish_gates.h"
#include "daemon/application/problem.h"

namespace remapd::application {

enum class Phase : std::uint8_t {
  kStarting,   // looking at the tables
  kRestoring,  // reading the checkpoint, reaching the source, taking tables over
  kRunning,
  kEnded,     // a finite log has been read; waiting for a stop
  kStopping,  // finishing what is in flight
  kStopped,
  kFailed,  // stopped by an error
};
std::string_view to_string(Phase phase);

// How long something took, counted in buckets.
class Timings {
 public:
  // Upper bounds of the buckets, seconds.
  static constexpr std::array<double, 12> kBounds{0.001, 0.01, 0.1, 0.5, 1,   2,
                                                  5,     10,   30,  60,  120, 300};

  void add(double seconds);

  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  double last() const { return last_; }
  // How many took at most kBounds[bucket].
  std::uint64_t at_most(std::size_t bucket) const;

 private:
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double last_ = 0;
};

struct TableStatus {
  pipeline::TableStats stats;
  Epoch epoch;
  std::uint64_t published = 0;  // versions, since the start of this process; likewise the others
  std::uint64_t refused = 0;    // by a gate
  std::uint64_t failed = 0;     // could not be published
  std::uint64_t rebuilt = 0;    // after a restart, to catch up with what had been published
  std::optional<mapping::Manifest> last;      // the newest version, of this or an earlier process
  std::int64_t published_ms = 0;              // when, if by this process; Unix milliseconds
  std::optional<pipeline::GateReport> gates;  // of the last build
  std::uint64_t due_at = 0;                   // samples at which the next version is due
  bool building = false;
  bool frozen = false;      // by an operator
  std::string problem;      // what keeps versions from being published now; empty: nothing
  Timings copy_seconds;     // of what a build needs: intake waits for it
  Timings build_seconds;    // building and encoding
  Timings publish_seconds;  // with retries
  Timings gap_seconds;      // between two versions published by this process
};

struct CheckpointStatus {
  bool enabled = false;
  std::uint64_t saved = 0;
  std::uint64_t failed = 0;
  std::int64_t last_ms = 0;  // Unix milliseconds; 0: none yet
  std::uint64_t last_bytes = 0;
  std::uint64_t last_samples = 0;
  Timings copy_seconds;  // of the state: intake waits for it
  Timings seconds;       // making it durable, meanwhile
  std::string problem;   // why the last one failed; empty: it did not
};

struct FeatureStatus {
  std::string name;
  std::uint64_t ids = 0;  // read by this process
};

// Bytes.
struct MemoryStatus {
  std::uint64_t tables = 0;         // statistics of all tables
  std::uint64_t learners = 0;       // embeddings
  std::uint64_t kept_versions = 0;  // to hand out
  std::uint64_t resident = 0;       // the process, everything included
};

struct Status {
  Phase phase = Phase::kStarting;
  std::string instance;
  std::string source;
  std::int64_t started_ms = 0;
  std::int64_t updated_ms = 0;
  std::uint64_t samples = 0;
  std::uint64_t waiting_samples = 0;  // of these, for their mini-batch to fill: not counted yet
  std::uint32_t mini_batch = 0;       // samples
  std::uint64_t labelled_samples = 0;
  double label_sum = 0;
  std::uint64_t ids = 0;
  std::uint64_t ticks = 0;
  double tick_seconds = 0;         // of this process
  std::int64_t event_time_ms = 0;  // of the newest event; 0: unknown
  pipeline::SourceCounters input;
  std::uint64_t read_samples = 0;       // by this process
  std::vector<FeatureStatus> features;  // in the order of the configuration
  std::string label_wanted_by;          // problems.h
  std::int64_t read_ms = 0;             // when a message was last read, or reading began; 0: never
  pipeline::StreamOffsets offsets;
  bool waiting_for_publication = false;  // reading stands still until a version is out
  std::uint64_t source_errors = 0;       // that passed by themselves
  std::vector<TableStatus> tables;
  MemoryStatus memory;
  CheckpointStatus checkpoint;
  std::string problem;            // what keeps events from being read now, or ended the daemon
  std::vector<Problem> problems;  // everything that is wrong now, the worst first

  // Whether mapping versions can be expected from it: for /readyz.
  bool ready() const { return phase == Phase::kRunning || phase == Phase::kEnded; }
};

}  // namespace remapd::application
