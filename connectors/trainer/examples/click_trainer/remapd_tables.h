// The tables that remapd maps, followed by the trainer's client: what is in force, when to swap,
// and the migration of the model's rows.
//
// The trainer and the daemon read the same stream, each at its own pace. A version tells how many
// samples it was built from; swapping to it no earlier than that means that nothing is known
// before it has been seen, and swapping to it exactly then makes a run repeatable.
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

#include "connectors/trainer/client.h"
#include "connectors/trainer/examples/click_trainer/placement.h"
#include "connectors/trainer/examples/fm_model.h"
#include "core/base/result.h"

namespace remapd::click_trainer {

// How a table fared, for the report.
struct TableHistory {
  std::uint64_t published = 0;  // versions seen
  std::uint64_t swapped = 0;
  std::optional<mapping::Manifest> served;
  std::vector<double> moved;  // share of traffic each version moved, in order, from the second on
};

class RemapdTables {
 public:
  using SourceOf =
      std::function<Result<std::unique_ptr<mapping::MappingSource>>(const std::string& table)>;

  // Errors are those of source_of, called for each shared table, and of Client::create().
  static Result<std::unique_ptr<RemapdTables>> create(std::span<const Table> tables,
                                                      std::uint64_t seed,
                                                      const SourceOf& source_of);

  // Waits until a version built from at least `samples` samples of every table is staged; anything
  // that appears meanwhile prolongs `patience`. kUnavailable when it runs out, with what to look
  // at.
  Result<void> await(std::uint64_t samples, std::chrono::milliseconds patience);

  // Stages what there is, without waiting.
  Result<void> poll();

  // Swaps each table to the newest version built from at most `samples` samples, and migrates its
  // rows. Returns how many were swapped. kNotFound when the way to a version is not complete,
  // kConfig when its row budget is not the model's.
  Result<std::size_t> swap(std::uint64_t samples, quality::FmModel& model);

  // Of a shared table: the rows of the ids, and the second ones under double hashing (else empty).
  void place(FeatureIndex feature, std::span<const Id> ids, std::vector<Row>& first,
             std::vector<Row>& second);

  TableHistory history(FeatureIndex feature) const;

 private:
  struct Followed {
    FeatureIndex feature;
    std::string name;
    std::unique_ptr<trainer::Client> client;
    trainer::Reader reader;
    TableHistory history;
  };
  explicit RemapdTables(std::size_t features) : of_feature_(features) {}
  Result<void> swap(Followed& table, std::uint64_t samples, quality::FmModel& model);

  std::vector<Followed> tables_;
  std::vector<std::size_t> of_feature_;  // index into tables_; shared ones only
};

}  // namespace remapd::click_trainer
