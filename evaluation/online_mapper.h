// OnlineMapper: the daemon's engine inside an evaluation: takes in the samples of a log one by one,
// publishes mapping versions when the daemon would, and holds the current row of each id of the
// log.
//
// Every table has its own schedule. A version goes through the same steps as in the daemon: build,
// encode as an artifact, open the artifact, look up. Before the first version every id is hashed
// over its whole table, from which the first version's migration plan starts.
//
// Not thread safe. A full build costs O(distinct ids), an increment what it changes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/base/types.h"
#include "core/mapping/migration_plan.h"
#include "core/pipeline/engine.h"
#include "core/pipeline/event_batch.h"
#include "core/pipeline/publish_schedule.h"
#include "evaluation/event_log.h"
#include "evaluation/rows_of_ids.h"

namespace remapd::evaluation {

// The row budget of one feature's table.
struct TableBudget {
  std::uint32_t rows = 1;
  bool mapped = false;  // false: too small to be worth sharing rows, every id has its own
};

// Features with more distinct ids than this are mapped to round(share * ids) rows, at least 1.
inline constexpr std::uint32_t kUnmappedIds = 1'000;
TableBudget table_budget(std::uint32_t distinct_ids, double share);
// Of the first `features` features of the log.
std::vector<TableBudget> table_budgets(const EventLog& log, std::size_t features, double share);

// No mapping at all: ids of mapped features are hashed over their rows, as they are before the
// first version and under the strategy `hash`, the others keep a row each.
std::vector<RowsOfIds> hashed_tables(const EventLog& log, std::span<const TableBudget> budgets,
                                     std::uint64_t seed);

// What the daemon would have in its configuration. Name, rows and strategy of the tables, the
// features and the seed are set for each run.
struct MapperSettings {
  pipeline::EngineConfig engine;
  pipeline::TableConfig table;
  std::vector<pipeline::TableConfig> tables{};  // by feature; empty: all as `table`
  pipeline::PublishSchedule::Config schedule;
};

// The versions published at one point of the stream: of the tables that were due.
struct Publication {
  struct Table {
    FeatureIndex feature;
    mapping::MigrationPlan plan;
  };
  std::vector<Table> tables;
  // Shares of these tables' accesses up to now whose row changed. `moved` is the engine's figure:
  // ids that both versions know, by decayed frequency. `rerouted` is counted here from the lookups
  // and includes new ids that got their place.
  double moved = 0;
  double rerouted = 0;
};

class OnlineMapper {
 public:
  // One table per feature, budgets[f] for feature f of the log; further features are left out. The
  // log must outlive the mapper. Errors are those of the engine's configuration.
  static Result<std::unique_ptr<OnlineMapper>> create(const EventLog& log,
                                                      std::vector<TableBudget> budgets,
                                                      mapping::Strategy strategy,
                                                      const MapperSettings& settings,
                                                      std::uint64_t seed);

  // The current rows of a feature's ids, by number.
  const RowsOfIds& rows(FeatureIndex feature) const { return rows_[feature.value]; }

  // Takes in a sample: for each feature the numbers of its ids. label: NaN = none.
  void take(std::span<const std::span<const std::uint32_t>> numbers, float label);

  // Whether the daemon would publish a version of some table now.
  bool version_due() const { return samples_ >= next_due_; }
  // Takes in the samples of an incomplete mini-batch; at the end of a stream.
  void finish();
  // A version of every mapped table that is due; publish_all(): due or not.
  Publication publish_due();
  Publication publish_all();
  // Of the table that has most.
  std::uint64_t versions() const;

 private:
  OnlineMapper(const EventLog& log, std::vector<TableBudget> budgets,
               std::unique_ptr<pipeline::Engine> engine,
               const pipeline::PublishSchedule::Config& schedule);
  struct Table {
    TableBudget budget;
    pipeline::PublishSchedule schedule;
    Version version;
    std::vector<std::uint32_t> accesses;  // by number of the id
    std::uint64_t all_accesses = 0;
    std::unordered_map<Id, std::uint32_t> numbers;  // of the ids; of mapped tables
  };

  void ingest();
  std::uint64_t follow(const Table& table, FeatureIndex feature,
                       const pipeline::BuildOutcome& outcome);
  template <class KindOf>
  Publication publish(KindOf kind_of);

  const EventLog& log_;
  std::vector<Table> tables_;    // by feature
  std::vector<RowsOfIds> rows_;  // likewise
  std::unique_ptr<pipeline::Engine> engine_;
  std::uint64_t next_due_ = 0;
  pipeline::EventBatch batch_;
  std::size_t batched_ = 0;
  std::uint64_t samples_ = 0;
};

}  // namespace remapd::evaluation
