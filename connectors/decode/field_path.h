// FieldPath: where in a record a value stands.
//
//   user            the field of that name
//   context.user    a field of a nested object
//   items[].id      a field of every element of a list
//   tags[]          every element; a list of plain values may as well be named without []
//   a\.b            a name that holds a dot (so for '|', '[', ' ' and '\')
//   uid | user.id   alternatives: the first that has a value counts
//
// A path does not depend on the format of the record: an Avro record, a protobuf message, a JSON
// object and the key of a map are all entered by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remapd::decode {

struct PathStep {
  std::string name;  // of a field; empty: every element of the list that stands here
  bool each() const { return name.empty(); }

  friend bool operator==(const PathStep&, const PathStep&) = default;
};

using FieldPath = std::vector<PathStep>;

// The alternatives of `text`, at least one, each of at least one step and at most kMaxPathSteps.
// kConfig saying what is wrong with it.
inline constexpr std::size_t kMaxPathSteps = 32;
Result<std::vector<FieldPath>> parse_field_path(std::string_view text);

// As it is written in a configuration.
std::string to_string(const FieldPath& path);
// A path of one step: the field of that name, whatever characters it has.
std::string path_of_name(std::string_view name);

}  // namespace remapd::decode
