// RecordLayout: where in a team's own records the ids, the label, the time and the weight of a
// sample stand; what [source.decode] and [[feature]] say. Holds for every format.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/types.h"
#include "core/pipeline/feature_schema.h"

namespace remapd::decode {

// A value as a configuration writes it.
using Literal = std::variant<std::int64_t, std::string>;

// The ids that such values stand for; blank text is none.
std::vector<Id> ids_of(const std::vector<Literal>& values);

struct FeatureLayout {
  std::string path;               // field_path.h; empty: the field of the feature's own name
  std::vector<Literal> ignore{};  // values that are no id: padding, "unknown"
};

struct RecordLayout {
  std::vector<FeatureLayout> features{};  // of each feature of the schema, or none: all by name
  std::string label{};                    // path; empty: samples have no label
  std::vector<Literal> label_true{};      // values that are label 1, all others are 0; none: the
                                          // value itself is the label, 0 to 1
  std::string time{};                     // path; empty: the message's own
  std::string weight{};                   // path; empty: 1
  // Path of a list each of whose elements is a sample of its own: what stands outside of the list
  // belongs to all of them. Empty: a record is a sample.
  std::string sample_per{};
};

}  // namespace remapd::decode
