// What the runner compares: the full table, the daemon's strategies, and an offline baseline.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/mapping/strategy.h"

namespace remapd::quality {

struct Contender {
  enum class Kind {
    kFull,     // every id has a row of its own: the quality that sharing rows gives up
    kMapped,   // one of the daemon's strategies, by the daemon's engine
    kLouvain,  // communities of the whole log's co-access graph, see co_clusters.h
  };

  std::string name;
  Kind kind = Kind::kFull;
  mapping::Strategy strategy = mapping::Strategy::kCombined;  // of kMapped
};

// The contenders of a comma-separated list, each once, `full` and `hash` first: the others are
// measured against these. kInvalidArgument names what is not known and lists what is.
Result<std::vector<Contender>> parse_contenders(std::string_view list);

}  // namespace remapd::quality
