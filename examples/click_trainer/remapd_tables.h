// The tables that remapd maps, followed by the trainer's client: what is in force, when to swap,
// and the migration of the model's rows.
//
// Trainer and daemon read the same stream, each at its own pace. A version tells how many samples
// it was built from, and the trainer swaps to it when it has learned as many itself: no earlier, so
// that nothing is known before it has been seen, and (in step) no later, so that a run can be
// repeated. Of a daemon that is ahead the next version is there already and tells where that is;
// one that is behind is waited for where its last version said that the next one is due.
//
// Not thread safe. One table per feature, of the feature's name.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "core/base/result.h"
#include "evaluation/fm_model.h"
#include "examples/click_trainer/placement.h"

namespace remapd::click_trainer {

struct FollowOptions {
  std::uint64_t seed = 1;               // the daemon's [learning] seed
  std::uint64_t first_samples = 1'000;  // the daemon's [publish] first_samples
  // False: never waits, starts with the newest version there is and swaps to others when it notices
  // them, as trainers do that join a daemon of some age.
  bool in_step = true;
  std::chrono::milliseconds patience{120'000};  // with a version that is due
  // How long it may take to see that there are no versions yet; 0 for a directory.
  std::chrono::milliseconds first_look{0};
};

// How a table fared, for the report.
struct TableHistory {
  std::uint64_t published = 0;  // versions seen
  std::uint64_t swapped = 0;
  std::uint64_t rejected = 0;  // could not be used; problem tells why the last one could not
  std::string problem;
  std::optional<mapping::Manifest> served;
  std::vector<double> moved;  // share of traffic each version moved, in order, from the second on
};

class RemapdTables {
 public:
  using SourceOf =
      std::function<Result<std::unique_ptr<mapping::MappingSource>>(const std::string& table)>;

  // Versions that appear from here on are followed. Errors are those of source_of, called for each
  // shared table, and of Client::create().
  static Result<std::unique_ptr<RemapdTables>> create(std::span<const Table> tables,
                                                      const FollowOptions& options,
                                                      const SourceOf& source_of);

  // How far the model can be trained before the next call of advance(); the end of time when not in
  // step or without tables.
  std::uint64_t next_stop() const;

  // The model has learned `samples` samples: swaps each table to the newest version built from no
  // more, and migrates its rows. Returns the features of the tables swapped. kUnavailable when the
  // patience runs out, with what to look at; kConfig when a version's row budget is not the
  // model's; kNotFound when the plans to a version are not complete.
  Result<std::vector<FeatureIndex>> advance(std::uint64_t samples, evaluation::FmModel& model);

  // The same for the end of a log, at which the daemon publishes a last version of each table.
  Result<void> finish(std::uint64_t samples, evaluation::FmModel& model);

  // Of a shared table: the rows of the ids, and the second ones under double hashing (else empty).
  void place(FeatureIndex feature, std::span<const Id> ids, std::vector<Row>& first,
             std::vector<Row>& second);

  TableHistory history(FeatureIndex feature) const;

 private:
  struct Followed {
    FeatureIndex feature;
    std::string name;
    std::unique_ptr<client::Client> client;
    client::Reader reader;
    std::uint64_t due_at;                      // the next version; in samples
    std::vector<client::StagedVersion> ahead;  // not reached yet, oldest first
    TableHistory history;

    std::uint64_t stop() const {
      return ahead.empty() ? due_at : ahead.front().manifest.built_samples;
    }
  };
  RemapdTables(std::size_t features, const FollowOptions& options)
      : options_(options), of_feature_(features) {}
  Result<void> await_version(Followed& table, std::uint64_t samples) const;
  Result<bool> swap(Followed& table, std::uint64_t samples, evaluation::FmModel& model) const;

  FollowOptions options_;
  std::vector<Followed> tables_;
  std::vector<std::size_t> of_feature_;  // index into tables_; shared ones only
};

}  // namespace remapd::click_trainer
