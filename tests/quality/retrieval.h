// The retrieval protocol: statistics over a shuffled train part, unlabelled, event by event; then a
// recommender is trained on the mapping that comes out and must find the test part.
//
// Train and test are told by the log's `timestamp` column: 0 is train, 1 is test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "evaluation/event_log.h"
#include "evaluation/online_mapper.h"
#include "tests/quality/bpr_model.h"
#include "tests/quality/contender.h"
#include "tests/quality/progress.h"

namespace remapd::quality {

struct RetrievalOptions {
  double rows_share = 0.1;   // of the distinct ids, see table_budget()
  std::uint32_t passes = 1;  // over the train part, each in an order of its own
  // Whether versions are published along the passes as the daemon would; the last one comes after
  // the last pass in any case.
  bool publish_along = false;
  std::uint32_t user_stride = 1;  // every how many-th user is evaluated
  evaluation::MapperSettings mapper;
};

// Users and items of a log, split into train and test.
class RetrievalData {
 public:
  // Errors are the log reader's; kInvalidArgument if a part is empty or an event belongs to
  // neither, or does not have exactly one user and one item.
  static Result<RetrievalData> read(const std::filesystem::path& path, const std::string& user,
                                    const std::string& item, Progress& progress);

  static constexpr FeatureIndex kUser{0};
  static constexpr FeatureIndex kItem{1};

  const evaluation::EventLog& log() const { return log_; }
  std::span<const Pair> train_pairs() const { return train_pairs_; }
  const ItemsOfUsers& train() const { return train_; }
  const ItemsOfUsers& test() const { return test_; }

 private:
  RetrievalData(evaluation::EventLog log, std::vector<Pair> train_pairs,
                std::span<const Pair> test_pairs);

  evaluation::EventLog log_;
  std::vector<Pair> train_pairs_;
  ItemsOfUsers train_;
  ItemsOfUsers test_;
};

struct RetrievalRun {
  double recall = 0;  // @20
  double auc = 0;
  std::uint64_t users = 0;     // evaluated
  std::uint64_t rows = 0;      // of both tables
  std::uint64_t versions = 0;  // published
  double seconds = 0;
};

// All randomness follows from the seed.
Result<RetrievalRun> run_retrieval(const RetrievalData& data, const Contender& contender,
                                   const RetrievalOptions& options, std::uint64_t seed,
                                   Progress& progress);

}  // namespace remapd::quality
